#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/async_task/async_waits.hpp>
#include <coppice/detail/async_task/task_core.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/coroutine/make_body.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/link.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process.hpp>
#include <coppice/task_result.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coppice {

/// A task: a process that is started for what it returns. The process that starts it owns it, and
/// only that one may wait for it.
///
/// A handle, to be moved and not copied. Destroying it stops nothing: the task goes on, and what it
/// returns is thrown away. Once its outcome has been told, or it was given up, the handle is of no
/// further use: waiting for it gives noproc.
///
/// Every function throws std::logic_error at once, before anything is awaited, if the handle is
/// empty or the caller is not the owner. One operation at a time can wait for a task; others fail
/// with `asio::error::already_started`.
///
/// @tparam T What it returns: movable, or void.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// Elixir's Task. Differs: what failed is told as an error or a result, where Elixir ends the
/// caller.
template <class T>
class [[nodiscard]] async_task {
 public:
  /// What the task returns; may be void.
  using value_type = T;

  /// Empty.
  async_task() noexcept = default;

  /// Whether it stands for a task, be it one whose outcome has been told.
  explicit operator bool() const noexcept { return static_cast<bool>(core_); }

  /// Who started it.
  [[nodiscard]] pid owner() const { return core().owner; }
  /// The process that runs it, alive or not. An empty pid as long as its supervisor, if it has one,
  /// has not come to start it.
  [[nodiscard]] pid process() const { return core().task; }

  /// `T value = co_await task.await();` waits for what the task returns.
  ///
  /// Fails with
  /// - `errc::died`, if it ended without returning, be it with reason normal; `failure()` says how;
  /// - `errc::timeout`; the task goes on, is not watched any more, and what it returns later is
  ///   destroyed. A link to it remains;
  /// - `errc::max_children`, or whatever else its supervisor has refused it for;
  /// - `errc::noproc`, if its outcome was told before, or it was given up; or if its supervisor is
  ///   not there.
  ///
  /// A linked task that crashes ends its owner by the link, unless that traps exits.
  ///
  /// @param limit For how long to wait; `infinity`: without limit. What is there already wins.
  /// @throws std::logic_error at once, if the caller is not the owner.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and the task can be waited for again.
  /// @par Origin
  /// `Task.await/2`. Differs: it fails, where that exits.
  /// @par Completion Signature
  /// `void(error_code, T)`, or `void(error_code)`
  [[nodiscard]] operation<completion_signature<T>> auto await(
      time_limit limit = std::chrono::seconds{5}) & {
    static_assert(
        std::is_void_v<T> || std::default_initializable<T>,
        "async_task<T>::await() needs a T that can be made without arguments (a task that "
        "failed has none to give); yield() does not");
    return detail::deferred_wait<detail::task_await_wait<T>>{{checked(), limit}};
  }
  auto await(time_limit = infinity) && {
    static_assert(detail::never<T>,
                  "starting a task and awaiting it are two statements (g++ 12 destroys a lambda "
                  "twice that stands in an awaited expression): `auto task = ...; co_await "
                  "task.await();`");
  }

  /// `std::optional<task_result<T>> result = co_await task.yield(100ms);` waits for the outcome,
  /// and gives nothing if there is none in that time. It can be repeated then.
  ///
  /// A task that has failed gives the reason, noproc if its outcome was told before.
  ///
  /// @throws std::logic_error at once, if the caller is not the owner.
  /// @par Cancellation
  /// As `await`.
  /// @par Origin
  /// `Task.yield/2`.
  /// @par Completion Signature
  /// `void(error_code, std::optional<task_result<T>>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<task_result<T>>)> auto
  yield(time_limit limit = std::chrono::seconds{5}) & {
    return detail::deferred_wait<detail::task_yield_wait<T>>{{checked(), limit}};
  }
  auto yield(time_limit = infinity) && {
    static_assert(detail::never<T>,
                  "starting a task and awaiting it are two statements (g++ 12 destroys a lambda "
                  "twice that stands in an awaited expression): `auto task = ...; co_await "
                  "task.yield();`");
  }

  /// `std::optional<task_result<T>> result = co_await task.shutdown();` ends the task and waits
  /// until it is gone.
  ///
  /// The link is cut first. Then the task is asked to stop, with reason shutdown, and killed if it
  /// takes longer than it has; with `brutal_kill` it is killed at once.
  ///
  /// @param how For how long it may take.
  /// @return What it has returned, if it had or does in time. Nothing if it stopped as asked: with
  ///   reason shutdown, or, under `brutal_kill`, killed. Otherwise how it ended: killed, if it took
  ///   too long; noproc, if its outcome was told before.
  /// @throws std::logic_error at once, if the caller is not the owner.
  /// @throws std::invalid_argument if the time is negative.
  /// @par Cancellation
  /// Any type, and the end of the owner: the task is killed.
  /// @par Origin
  /// `Task.shutdown/2`.
  /// @par Completion Signature
  /// `void(error_code, std::optional<task_result<T>>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<task_result<T>>)> auto
  shutdown(coppice::shutdown how = std::chrono::seconds{5}) & {
    return detail::deferred_wait<detail::typed_shutdown_wait<T>>{{checked(), how}};
  }
  auto shutdown(coppice::shutdown = std::chrono::seconds{5}) && {
    static_assert(detail::never<T>,
                  "starting a task and awaiting it are two statements (g++ 12 destroys a lambda "
                  "twice that stands in an awaited expression): `auto task = ...; co_await "
                  "task.shutdown();`");
  }

  /// Gives up the task: cuts the link and throws away what it returns.
  ///
  /// @return Its outcome, if that is there already.
  /// @throws std::logic_error if the caller is not the owner.
  /// @par Origin
  /// `Task.ignore/1`.
  std::optional<task_result<T>> ignore() {
    auto& c = *checked();
    c.unlink_owner();
    if (c.settled()) return c.take();
    c.forget(exit_reason::noproc());
    return std::nullopt;
  }

  /// How the task ended, or why it was not started, after `await` has failed; timeout, if it has
  /// taken too long.
  [[nodiscard]] const exit_reason& failure() const { return core().reason; }

 private:
  friend struct detail::access;

  explicit async_task(boost::intrusive_ptr<detail::typed_task<T>> core) noexcept
      : core_{std::move(core)} {}

  [[nodiscard]] const boost::intrusive_ptr<detail::typed_task<T>>& checked() const {
    core().check_owner();
    return core_;
  }

  [[nodiscard]] detail::typed_task<T>& core() const {
    if (!core_) throw std::logic_error{"coppice: an empty handle is no task"};
    return *core_;
  }

  boost::intrusive_ptr<detail::typed_task<T>> core_;
};

/// Starts a task linked to the calling process, which is its owner, and returns at once; nothing of
/// the task has run by then.
///
///     auto adding = coppice::async(add(numbers));      // asio::awaitable<int> add(...)
///     ...
///     int sum = co_await adding.await();
///
/// If the task crashes, so does the owner, unless it traps exits; and if the owner ends other than
/// with reason normal, so does the task. `task_supervisor_ref::async_nolink` has neither.
///
/// @param f A callable that returns an `asio::awaitable<T>` or a `coppice::task<T>`, or one of
///   these itself; awaitables with any executor type that `spawn` accepts. It is moved in, and
///   lives as long as the task.
/// @param label Shown in reports.
/// @throws std::logic_error outside of processes.
/// @par Complexity
/// Constant, as `spawn_link`, and one more block from the pool.
/// @par Origin
/// `Task.async/1`.
template <detail::task_source F>
async_task<detail::task_value_t<F>> async(F&& f, std::string_view label = {}) {
  detail::process& me = detail::current_process();
  boost::intrusive_ptr<detail::typed_task<detail::task_value_t<F>>> core{
      new detail::typed_task<detail::task_value_t<F>>{me.home, me.id(),
                                                      detail::task_core::link_mode::link}};
  detail::spawn_task(
      me.home, detail::make_task_body(std::forward<F>(f), {.core = core,
                                                           .callers = detail::callers_through(&me),
                                                           .label = std::string{label}}));
  return detail::access::make<async_task<detail::task_value_t<F>>>(std::move(core));
}

// These refuse an argument that is no task, in words.
template <class F>
  requires(!detail::task_source<F>)
auto async(F&&, std::string_view = {}) {
  static_assert(detail::never<F>,
                "a task is given as a function without arguments that returns an asio::awaitable "
                "or a coppice::task; or as one of these");
}

/// Starts a process that nobody waits for, as `spawn` does, but as a task: it knows on whose behalf
/// it works (`callers`), and its crash is told as that of a task.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `Task.start/1`.
template <detail::task_source F>
pid start_task(F&& f, std::string_view label = {}) {
  detail::process& me = detail::current_process();
  return detail::spawn_task(
      me.home, detail::make_task_body(std::forward<F>(f), {.core = {},
                                                           .callers = detail::callers_through(&me),
                                                           .label = std::string{label}}));
}

/// The same, linked to the calling process.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `Task.start_link/1`.
template <detail::task_source F>
pid start_task_link(F&& f, std::string_view label = {}) {
  const pid task = start_task(std::forward<F>(f), label);
  link(task);
  return task;
}

}  // namespace coppice
