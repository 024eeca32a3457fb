#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/supervision/child_table.hpp>
#include <coppice/detail/supervision/restart_window.hpp>
#include <coppice/exit_reason.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coppice {

namespace detail {

// Something that has not been looked at yet.
struct supervision_event {
  enum class kind_type : unsigned char {
    exit,
    retry,
    add,
    terminate,
    terminate_number,
    restart,
    erase,
    serve,
    stop,
    nothing,  // was an exit or a retry that has been dealt with out of turn
  };

  kind_type kind;
  supervised_child* subject = nullptr;
  void* call = nullptr;
  std::unique_ptr<const std::string> id{};
  std::uint64_t number = 0;
  exit_reason reason{};
};

}  // namespace detail

/// The decisions of a supervisor, and nothing else: events go in, actions come out.
///
/// No executor, timer or coroutine is in here, and no clock: whoever asks for the next action says
/// what time it is. The supervisor process carries the actions out, one at a time. Everything that
/// happens while one is under way waits in the inbox, in order, as messages wait for an OTP
/// supervisor; the exit of a child that is being stopped is taken out of turn, as OTP does.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
/// @par Origin
/// OTP's supervisor (`supervisor:handle_info/2`, `do_restart`, `restart_multiple_children`,
/// `terminate_children`) and Elixir's DynamicSupervisor.
class COPPICE_API supervision {
 public:
  using clock = std::chrono::steady_clock;

  using child = detail::supervised_child;
  using child_state = detail::child_state;

  enum class cause : unsigned char {
    asked,         ///< `stop()`.
    start_failed,  ///< A static child did not start.
    gave_up,       ///< The restart budget was exhausted.
    automatic,     ///< Significant children have ended.
  };

  enum class result : unsigned char {
    ok,
    ignored,
    not_found,
    already_started,
    already_present,
    running,
    restarting,
    start_failed,
    max_children,
  };

  struct action {
    enum class kind_type : unsigned char {
      start,      ///< Start `subject`; answer with `started`, `ignored` or `start_failed`.
      stop,       ///< Ask `subject` to end, with shutdown; `ended` will follow.
      kill,       ///< Kill `subject`; `ended` will follow.
      forget,     ///< `subject` is not known any more and may be destroyed.
      booted,     ///< The static children are up.
      reply,      ///< Answer `call` with `answer`; `reason` says why a start failed.
      serve,      ///< It is the turn of `call`, which was queued by `queue()`.
      finished,   ///< Everything is stopped: end with `reason`. Nothing follows.

      // For reports only.
      failed_to_start,
      has_ended,
      stopped_badly,
      exhausted,
    };
    enum class next_type : unsigned char { none, restart, give_up, shut_down };

    kind_type kind;
    child* subject = nullptr;
    void* call = nullptr;
    result answer = result::ok;
    next_type next = next_type::none;
    exit_reason reason{};
  };

  struct options {
    coppice::strategy strategy = strategy::one_for_one;
    std::size_t intensity = 3;
    clock::duration period = std::chrono::seconds{5};
    coppice::auto_shutdown automatic = auto_shutdown::never;
    /// Dynamic: not found by id, forgotten when ended, stopped side by side. Implied by simple_one_for_one.
    bool dynamic = false;
    std::size_t max_children = static_cast<std::size_t>(-1);
  };

  explicit supervision(options o);
  supervision(const supervision&) = delete;
  supervision& operator=(const supervision&) = delete;

  /// Before `start()`: adds a static child behind the others.
  void add_static(child& c);

  /// Whether actions that are for reports only are wanted; they are by default.
  void set_reporting(bool wanted) noexcept { reporting_ = wanted; }

  // ---- Events

  void start();
  void started(child& c, std::uint64_t number);
  void ignored(child& c);
  void start_failed(child& c, const exit_reason& reason);
  /// The process of a running or stopping child has ended. Comes once per `started`.
  void ended(child& c, exit_reason reason);
  /// The same, for whoever can carry out now what is decided now: most often that the child is
  /// started again, alone.
  ///
  /// @return Whether that is so: then tell that it has ended, and go on as with an action `start`. If
  ///   not, nothing has happened: go on with `ended`.
  [[nodiscard]] bool restarts_now(child& c, const exit_reason& reason, clock::time_point now);
  void stop(exit_reason reason);

  // Calls: answered by an action `reply` or `serve` with the same `call`, in order of arrival.

  void add(child& c, void* call);
  void terminate(std::string_view id, void* call);
  void terminate(std::uint64_t number, void* call);
  void restart_child(std::string_view id, void* call);
  void erase(std::string_view id, void* call);
  void queue(void* call);

  // ---- Actions

  /// What to do now; nothing if the next event, or `deadline()`, has to come first.
  [[nodiscard]] std::optional<action> next(clock::time_point now);
  /// When to call `next` again even if nothing has happened.
  [[nodiscard]] std::optional<clock::time_point> deadline() const noexcept;

  // ---- What is the case

  [[nodiscard]] detail::child_table& children() noexcept { return children_; }
  [[nodiscard]] cause why_finished() const noexcept { return cause_; }
  /// Of the stop that ended it: how many children ran when it began, how many had to be killed.
  [[nodiscard]] std::size_t stopped_at_end() const noexcept { return stopped_at_end_; }
  [[nodiscard]] std::size_t killed_at_end() const noexcept { return killed_at_end_; }
  /// Whether all children are being stopped, for good.
  [[nodiscard]] bool shutting_down() const noexcept { return job_.kind == job_kind::shut_down; }
  /// Whether a child is being started again, and it alone.
  [[nodiscard]] bool restarting_one() const noexcept {
    return job_.kind == job_kind::restart_one;
  }
  /// Whether static children are still being started for the first time.
  [[nodiscard]] bool booting() const noexcept { return job_.kind == job_kind::boot; }

 private:
  using event = detail::supervision_event;

  enum class job_kind : unsigned char {
    none,
    boot,          // starts every static child in order
    restart_one,   // starts subject again
    stop_group,    // stops the group of subject in reverse order
    start_group,   // starts that group in order
    add,           // starts a child for start_child
    restart_call,  // starts subject for restart_child
    terminate,     // stops subject for terminate_child
    shut_down,     // stops every child, in reverse order or side by side
    finished,
  };

  struct job {
    job_kind kind = job_kind::none;
    child* subject = nullptr;
    child* cursor = nullptr;
    void* call = nullptr;
    exit_reason reason{};
  };

  [[nodiscard]] bool restarts_alone() const noexcept {
    return options_.dynamic || options_.strategy == strategy::one_for_one;
  }
  [[nodiscard]] bool waiting() const noexcept { return awaited_ != nullptr || pending_stops_ > 0; }
  void step(clock::time_point now);
  void handle(event& e, clock::time_point now);
  void handle_exit(child& c, clock::time_point now);
  void handle_retry(child& c, clock::time_point now);
  void handle_terminate(child* c, void* call);
  // The child of that id if it is stopped; else the call is answered by what is in the way.
  [[nodiscard]] child* stopped_child(std::string_view id, void* call);
  [[nodiscard]] action::next_type consequence_of(const child& c, const exit_reason& why,
                                                 clock::time_point now);
  void begin_restart(child& c);
  void give_up(child& c);
  void begin(job j) { job_ = std::move(j); }
  void begin_shut_down(exit_reason reason, cause why);
  void begin_parallel_stop(clock::time_point now);
  void begin_group(child& c);
  [[nodiscard]] child& first_of_group(child& c) noexcept;
  void finish_job() noexcept { job_.kind = job_kind::none; }

  void begin_start(child& c, clock::time_point now);
  void ask_start(child& c, clock::time_point now);
  bool ask_stop(child& c, clock::time_point now);  // false: it is down already
  void on_stopped(child& c);
  void start_answered(child& c, result r, const exit_reason& why);
  void on_down(child& c);
  void check_deadline(clock::time_point now);
  void account_stop(child& c, const exit_reason& reason);
  void retry_later(child& c);
  void set_state(child& c, child_state s) noexcept { children_.set_state(c, s); }
  void forget(child& c);
  void drop_pending(child& c) noexcept;
  [[nodiscard]] bool is_idle() const noexcept {
    return job_.kind == job_kind::none && next_out_ == out_.size() && inbox_.empty();
  }
  void emit(action a) { out_.push_back(std::move(a)); }
  void emit_report(action::kind_type kind, child& c, const exit_reason& reason = {},
                   action::next_type next = action::next_type::none);
  void reply(void* call, result r, child* c = nullptr, exit_reason why = {});
  event& enqueue(event e);

  options options_;
  bool reporting_ = true;
  detail::restart_window window_;
  detail::child_table children_;

  std::deque<event> inbox_;
  std::vector<action> out_;     // from next_out_ on
  std::size_t next_out_ = 0;
  job job_;

  child* awaited_ = nullptr;  // the child that is being started, or stopped on its own
  std::optional<clock::time_point> awaited_until_;
  std::optional<exit_reason> stop_wanted_;  // a stop waits in the inbox
  bool start_limited_ = false;    // ... and the start under way was given a time because of that
  std::size_t pending_stops_ = 0;
  struct stop_deadline {
    clock::time_point until;
    clock::duration time;
  };
  std::vector<stop_deadline> stop_deadlines_;  // latest first

  cause cause_ = cause::asked;
  std::size_t stopped_at_end_ = 0;
  std::size_t killed_at_end_ = 0;
};

}  // namespace coppice
