#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/coroutine/make_body.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/executor.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

namespace detail {
COPPICE_API pid spawn_body(scheduler& s, body_ptr&& what, std::string_view label);
COPPICE_API pid spawn_linked(body_ptr&& what, std::string_view label);
// What `unlink` does, for any process.
void cut_link(process& me, const pid& other);
}  // namespace detail

/// Starts a process and returns its pid at once; nothing of it has run by then.
///
/// A body is what `asio::co_spawn` takes: a callable that returns an `asio::awaitable<void>`, or such
/// an awaitable itself; its executor may be any type that `coppice::executor` converts to. Or it is
/// a `coppice::task<>`, in either form. The callable lives as long as the process. The io_context
/// has work to do while a process lives.
///
/// @param io Whose thread runs the process.
/// @param body What it does. Its return is the end of the process with reason normal, an exception
///   the end with reason error; neither ever leaves `io.run()`.
/// @param label Shown in reports.
/// @par Cancellation
/// By `exit(pid, reason)`.
/// @throws std::logic_error if another thread runs the io_context: `asio::post` the call then.
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
/// @par Complexity
/// Constant. A process borrows a coroutine that was co_spawned earlier, if one is free.
/// @par Origin
/// `erlang:spawn/1`.
template <detail::process_body Body>
pid spawn(asio::io_context& io, Body&& body, std::string_view label = {}) {
  detail::scheduler& s = detail::scheduler::of(io, "spawn");
  return detail::spawn_body(s, detail::make_body(std::forward<Body>(body)), label);
}

/// Starts a process on the io_context of the calling process.
///
/// @throws std::logic_error outside of processes.
template <detail::process_body Body>
pid spawn(Body&& body, std::string_view label = {}) {
  return detail::spawn_body(detail::here(), detail::make_body(std::forward<Body>(body)), label);
}

/// Starts a process linked to the calling one; neither can die unnoticed in between.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `erlang:spawn_link/1`.
template <detail::process_body Body>
pid spawn_link(Body&& body, std::string_view label = {}) {
  return detail::spawn_linked(detail::make_body(std::forward<Body>(body)), label);
}

// Of what is no body: says so.
template <class F>
  requires(!detail::process_body<F>)
pid spawn(asio::io_context&, F&&, std::string_view = {}) {
  static_assert(detail::check_process_body<F>());
  return {};
}
template <class F>
  requires(!detail::process_body<F> && !std::convertible_to<F, asio::io_context&>)
pid spawn(F&&, std::string_view = {}) {
  static_assert(detail::check_process_body<F>());
  return {};
}
template <class F>
  requires(!detail::process_body<F>)
pid spawn_link(F&&, std::string_view = {}) {
  static_assert(detail::check_process_body<F>());
  return {};
}

/// The calling process, or an empty pid outside of processes. Costs no co_await.
[[nodiscard]] COPPICE_API pid self() noexcept;

/// `co_await coppice::exit(reason);` ends the calling process without a throw: its frames are
/// destroyed, destructors and all, and the reason is told. Does not return.
///
/// @throws std::logic_error outside of processes.
/// @par Complexity
/// A fraction of what a throw costs.
/// @par Origin
/// `erlang:exit/1`.
[[nodiscard]] COPPICE_API detail::exit_operation exit(exit_reason reason);

/// Sends an exit signal.
///
/// - `kill` ends the process at once and cannot be refused: its frames are destroyed where they
///   wait, and it ends with reason killed.
/// - `normal` is ignored, unless the process traps exits or sends it to itself.
/// - Any other reason asks the process to end: what it waits for is cancelled, once
///   (`cancellation_type::terminal`). If the body lets the resulting `operation_aborted` pass, the
///   process ends with `reason`. It may catch it and clean up with further awaits, which work as
///   always, and end as it likes.
/// - A process that traps exits gets a message instead (except for `kill`).
///
/// Until Boost 1.83 a process that awaits `co_spawn` onto another executor must keep cancellation to
/// itself, `asio::bind_cancellation_slot(asio::cancellation_slot{}, token)`: Asio would hand the other
/// executor a pointer to a signal that may be gone by then. A destructor that throws while the frames
/// of a killed process are destroyed ends the program.
///
/// Does nothing if the process has ended.
///
/// @par Thread safety
/// Safe while the io_context exists. A signal of another thread is posted, and sent from there.
/// @par Origin
/// `erlang:exit/2`. Differs: a signal is a request, which the body hears as a cancellation; C++ code
/// must unwind. What was asked first is the reason; asking again changes nothing.
COPPICE_API void exit(const pid& process, exit_reason reason);

/// `exit(process, exit_reason::kill())`, with its thread safety.
COPPICE_API void kill(const pid& process);

/// Ties the calling process to another: when one ends, the other gets an exit signal with its reason.
/// At most one link per pair. Linking to a process that has ended delivers the signal noproc.
///
/// @throws std::logic_error outside of processes, or if the other one is of another io_context.
/// @par Complexity
/// Constant.
/// @par Origin
/// `erlang:link/1`. Apart from the tie between supervisor and child, which cannot be cut.
COPPICE_API void link(const pid& other);

/// Cuts the link, if there is one. No exit signal comes through it after this, not even one that
/// waits in the mailbox of a process that traps exits.
///
/// @par Origin
/// `erlang:unlink/1` with the flush.
COPPICE_API void unlink(const pid& other);

/// An exit signal, as a process that traps exits gets it.
struct exit_signal {
  pid from;
  exit_reason reason;
};

/// The end of a monitored process.
struct down {
  std::uint64_t monitor = 0;  ///< `monitor_ref::id()` of the monitor that this is for.
  pid process;
  exit_reason reason;         ///< noproc if the process had ended before.
};

/// Stands for one monitor. Destroying it does nothing; see `demonitor`.
class COPPICE_API monitor_ref {
 public:
  monitor_ref() noexcept = default;
  explicit monitor_ref(std::shared_ptr<detail::mailbox_monitor> m) noexcept : monitor_{std::move(m)} {}

  /// Found in the `down` message. Never used again.
  [[nodiscard]] std::uint64_t id() const noexcept;

 private:
  friend COPPICE_API void demonitor(monitor_ref& ref);
  std::shared_ptr<detail::mailbox_monitor> monitor_;
};

/// Cancels a monitor and takes its message out of the mailbox if it is there already.
///
/// @par Origin
/// `erlang:demonitor(Ref, [flush])`.
COPPICE_API void demonitor(monitor_ref& ref);

/// Has a `down` put into the mailbox when the process ends, or at once, as noproc, if it has.
///
/// Every call is a monitor of its own. Everything of the process is gone, and its resources free,
/// before the message is sent. Ends with the mailbox.
///
/// @tparam T Constructible from `down`. What that throws ends the process that uses the mailbox.
/// @throws std::logic_error if the process is of another io_context.
/// @par Complexity
/// Constant.
/// @par Origin
/// `erlang:monitor/2`.
template <std::constructible_from<down> T>
monitor_ref monitor(const pid& process, mailbox<T>& box);

/// From now on exit signals to the calling process become messages in `box`, in order with the
/// others, normal ones and requests to stop included; only kill ends it unasked. Ends with the box.
///
/// @tparam T Constructible from `exit_signal`. What that throws ends the calling process.
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `process_flag(trap_exit, true)`.
template <std::constructible_from<exit_signal> T>
void trap_exit(mailbox<T>& box);

/// Exit signals act on the calling process again.
COPPICE_API void untrap_exit();

namespace detail {

struct COPPICE_API sleep_wait {
  using signature = void(boost::system::error_code);

  scheduler* scheduler_;
  duration time;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept { return timer.has_rung(); }
  void leave() noexcept;
  template <class Handler>
  static void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

struct yield_wait {
  // A task needs no more for it than a place in the run queue.
  static constexpr bool is_turn = true;

  [[nodiscard]] static scheduler& home() { return here(); }
  static void begin(waiter& w) noexcept { w.wake(); }
  static bool ready() noexcept { return true; }
  static void leave() noexcept {}
  template <class Handler>
  static void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

struct COPPICE_API await_exit_wait {
  using signature = void(boost::system::error_code, exit_reason);

  scheduler* scheduler_;
  pid target;
  struct subscription final : exit_subscription {
    subscription() noexcept = default;
    subscription(subscription&& other) noexcept : reason{std::move(other.reason)} {}
    void fire(const pid&, const exit_reason& r) override;
    waiter* target = nullptr;
    std::optional<exit_reason> reason{};
  } news{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept { return news.reason.has_value(); }
  void leave() noexcept { news.unlink(); }
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(*news.reason));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             exit_reason{});
  }
};

}  // namespace detail

/// `co_await coppice::yield();` gives the other ready processes a turn.
///
/// @throws std::logic_error where it is awaited or begun, outside of processes.
/// @par Cancellation
/// Any type: completes with `operation_aborted`.
/// @par Origin
/// `erlang:yield/0`.
[[nodiscard]] inline auto yield() {
  return detail::operation<void(boost::system::error_code), detail::yield_wait>{{}};
}

/// `co_await coppice::sleep_for(d);` on the scheduler's clock, which a test can take over.
///
/// Zero or less is `yield()`.
///
/// @throws std::logic_error outside of processes.
/// @par Cancellation
/// Any type: completes with `operation_aborted` at once.
[[nodiscard]] COPPICE_API detail::operation<void(boost::system::error_code), detail::sleep_wait>
sleep_for(std::chrono::steady_clock::duration time);

/// `exit_reason why = co_await coppice::await_exit(pid);` waits until that process has ended.
///
/// Completes with noproc if it had ended before. May be awaited outside of processes too.
///
/// @throws std::logic_error if another thread runs the io_context of that process, or if the caller is
///   a process of another io_context.
/// @par Cancellation
/// Any type: completes with `operation_aborted`, and the process is not watched any more.
[[nodiscard]] COPPICE_API
    detail::operation<void(boost::system::error_code, exit_reason), detail::await_exit_wait>
    await_exit(const pid& process);

/// Names the calling process in reports.
COPPICE_API void set_label(std::string_view label);

/// On whose behalf the calling process works: the process that had it started, and, if that is a
/// task itself, whose task it is, and so on; the nearest 32. Empty unless the caller is a task. Some may
/// have ended.
///
/// Parents are another matter: the parent of a supervised task is its supervisor.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// The `$callers` of Elixir's Task.
[[nodiscard]] COPPICE_API std::vector<pid> callers();

/// What is known of a living process, or of one whose end is being reported.
struct process_info {
  pid id;
  std::string label;
  std::string name;             ///< Under which it is registered; empty if it is not.
  pid parent;                   ///< Its supervisor, or else the process that spawned it.
  std::vector<pid> ancestors;   ///< Parent, grandparent and so on, as far as they live.
  std::vector<pid> callers;     ///< Of a task: as `coppice::callers()`.
  std::vector<pid> links;
  bool traps_exits = false;
  bool started = false;         ///< Has run at all.
  bool waiting_in_coppice = false;  ///< Waits in one of coppice's own operations.
};

/// Tells about a process, or nothing if it has ended.
///
/// @par Origin
/// `erlang:process_info/1`.
[[nodiscard]] COPPICE_API std::optional<process_info> info(const pid& process);

/// All living processes of the io_context, in the order of their spawning.
[[nodiscard]] COPPICE_API std::vector<pid> processes(asio::io_context& io);

/// How long to wait for the frames of a killed process before it counts as abandoned: 1 s by default.
///
/// That wait only happens if it is suspended in an operation that cannot be cancelled.
COPPICE_API void set_abandon_after(asio::io_context& io, std::chrono::steady_clock::duration time);

// ---- Implementation

namespace detail {

COPPICE_API std::shared_ptr<mailbox_monitor> add_monitor(const pid& target,
                                                         std::shared_ptr<mailbox_monitor> m);
COPPICE_API void set_trap(std::shared_ptr<signal_trap> trap);

template <class T>
class typed_monitor final : public mailbox_monitor {
 public:
  explicit typed_monitor(const address<T>& to) : mailbox_monitor{to.core()}, to_{to} {}
  void fire(const pid& process, const exit_reason& reason) override {
    try {
      to_.send_tagged(T(down{id, process, reason}), id);
    } catch (...) {
      if (const auto box = core.lock()) box->fail_user();
    }
    // Lets go of this, unless a monitor_ref still holds it.
    if (const auto box = core.lock()) box->monitors.erase(id);
  }

 private:
  address<T> to_;
};

template <class T>
class typed_trap final : public mailbox_trap {
 public:
  explicit typed_trap(const address<T>& to) : mailbox_trap{to.core()}, to_{to} {}
  bool exit_signal(const pid& from, const exit_reason& reason) override {
    if (to_.closed()) return false;
    try {
      to_.send_tagged(T(coppice::exit_signal{from, reason}), from.number() | signal_tag);
    } catch (...) {
      if (const auto box = core.lock()) box->fail_user();
    }
    return true;
  }

 private:
  address<T> to_;
};

}  // namespace detail

template <std::constructible_from<down> T>
monitor_ref monitor(const pid& process, mailbox<T>& box) {
  box.get_address().core()->used_by_current();
  return monitor_ref{
      detail::add_monitor(process, std::make_shared<detail::typed_monitor<T>>(box.get_address()))};
}

template <std::constructible_from<exit_signal> T>
void trap_exit(mailbox<T>& box) {
  box.get_address().core()->used_by_current();
  detail::set_trap(std::make_shared<detail::typed_trap<T>>(box.get_address()));
}

}  // namespace coppice
