#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/coroutine/make_body.hpp>
#include <coppice/detail/process/basic_waits.hpp>
#include <coppice/detail/process/spawn.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/detail/wait/exit_wait.hpp>
#include <coppice/executor.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_info.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

/// Starts a process and returns its pid at once; nothing of it has run by then.
///
/// A body is what `asio::co_spawn` takes: a callable that returns an `asio::awaitable<void>`, or
/// such an awaitable itself; its executor may be any type that `coppice::executor` converts to. Or
/// it is a `coppice::task<>`, in either form. The callable lives as long as the process. The
/// io_context has work to do while a process lives.
///
/// What a process starts runs ahead of what was ready before, in the order of the starts, and
/// before the next turn that the process gives itself, by a `yield()` for instance. Others that are
/// ready have every second turn meanwhile.
///
/// @param io Whose thread runs the process.
/// @param body What it does. Its return is the end of the process with reason normal, an exception
///   the end with reason error; neither ever leaves `io.run()`.
/// @param label Shown in reports.
/// @par Cancellation
/// By `exit(pid, reason)`.
/// @throws std::logic_error if another thread runs the io_context: `asio::post` the call then.
/// @throws std::bad_alloc if there is no memory for it; there is no process then.
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

// These refuse an argument that is no body, in words.
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

/// Says that the calling process makes progress although it computes for long: see
/// `child_spec::progress_limit`. Where it comes too late, the process ends as hung when it
/// suspends. Does nothing in a process without such a limit, in a server, and outside of processes.
///
/// @par Complexity
/// A reading of the clock.
COPPICE_API void checkpoint();

/// `co_await coppice::exit(reason);` ends the calling process without a throw: its frames are
/// destroyed, destructors and all, and the reason is told. Does not return.
///
/// In a server it throws instead, as `terminate` is to be called.
///
/// @throws std::logic_error outside of processes.
/// @throws exit_exception in a server.
/// @par Complexity
/// A fraction of what a throw costs, but in a server.
/// @par Origin
/// `erlang:exit/1`. Differs, but in a server: it cannot be caught.
/// @par Completion Signature
/// `void()`, which it never does
[[nodiscard]] inline operation<void()> auto exit(exit_reason reason) {
  detail::process& p = detail::current_process();
  detail::check_exit(p, reason);
  return detail::deferred_wait<detail::exit_wait>{{&p.home, std::move(reason)}};
}

/// Sends an exit signal.
///
/// - `kill` ends the process at once and cannot be refused: its frames are destroyed where they
///   wait, and it ends with reason killed.
/// - `normal` is ignored, unless the process traps exits or sends it to itself.
/// - Any other reason asks the process to end: what it waits for is cancelled, once
///   (`cancellation_type::terminal`). If the body lets the resulting `operation_aborted` pass, the
///   process ends with `reason`. It may catch it and clean up with further awaits, which work as
///   always, and end as it likes. A body that finds ready whatever it waits for is never found
///   waiting: after some dozens of such waits an operation of Asio's fails where it begins. For an
///   `awaitable` all that follow fail, too, unless its clean-up awaits
///   `asio::this_coro::throw_if_cancelled(false)`. (Not so where a task awaits an `awaitable`, nor
///   of any `awaitable` with COPPICE_DOCUMENTED_ASIO_ONLY: they hear of it when they have to wait.)
/// - A process that traps exits gets a message instead (except for `kill`).
///
/// Until Boost 1.83 a process that awaits `co_spawn` onto another executor must keep cancellation
/// to itself, `asio::bind_cancellation_slot(asio::cancellation_slot{}, token)`: Asio would hand the
/// other executor a pointer to a signal that may be gone by then. A destructor that throws while
/// the frames of a killed process are destroyed ends the program.
///
/// Does nothing if the process has ended. Needs no memory in the loop; a process for which there is
/// no memory to get the signal as a message ends for that.
///
/// @throws std::bad_alloc outside of the loop, if it cannot be posted.
/// @par Thread safety
/// Safe while the io_context exists. From another thread, or while the loop does not run, the
/// signal is posted, and sent from there (but not in the time of a `virtual_clock`).
/// @par Origin
/// `erlang:exit/2`. Differs: a signal is a request, which the body hears as a cancellation; C++
/// code must unwind. What was asked first is the reason; asking again changes nothing.
COPPICE_API void exit(const pid& process, exit_reason reason);

/// `exit(process, exit_reason::kill())`, with its thread safety.
COPPICE_API void kill(const pid& process);

/// `co_await coppice::yield();` gives the other ready processes a turn.
///
/// @throws std::logic_error where it is awaited or begun, outside of processes.
/// @par Cancellation
/// Any type: completes with `operation_aborted`.
/// @par Origin
/// `erlang:yield/0`.
/// @par Completion Signature
/// `void(error_code)`
[[nodiscard]] inline operation<void(boost::system::error_code)> auto yield() {
  return detail::deferred_wait<detail::yield_wait>{{}};
}

/// `co_await coppice::sleep_for(d);` on the scheduler's clock, which a test can take over.
///
/// Zero or less is `yield()`.
///
/// @throws std::logic_error outside of processes.
/// @par Cancellation
/// Any type: completes with `operation_aborted` at once.
/// @par Completion Signature
/// `void(error_code)`
[[nodiscard]] inline operation<void(boost::system::error_code)> auto sleep_for(
    std::chrono::steady_clock::duration time) {
  return detail::deferred_wait<detail::sleep_wait>{{&detail::here(), time}};
}

/// `exit_reason why = co_await coppice::await_exit(pid);` waits until that process has ended.
///
/// Completes with noproc if it had ended before. May be awaited outside of processes too.
///
/// @throws std::logic_error if another thread runs the io_context of that process, or if the caller
///   is a process of another io_context.
/// @par Cancellation
/// Any type: completes with `operation_aborted`, and the process is not watched any more.
/// @par Completion Signature
/// `void(error_code, exit_reason)`
[[nodiscard]] inline operation<void(boost::system::error_code, exit_reason)> auto await_exit(
    const pid& process) {
  return detail::deferred_wait<detail::await_exit_wait>{{&detail::check_awaited(process), process}};
}

/// Names the calling process in reports.
COPPICE_API void set_label(std::string_view label);

/// On whose behalf the calling process works: the process that had it started, and, if that is a
/// task itself, whose task it is, and so on; the nearest 32. Empty unless the caller is a task.
/// Some may have ended.
///
/// Parents are another matter: the parent of a supervised task is its supervisor.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// The `$callers` of Elixir's Task.
[[nodiscard]] COPPICE_API std::vector<pid> callers();

/// All living processes of the io_context, in the order of their spawning.
[[nodiscard]] COPPICE_API std::vector<pid> processes(asio::io_context& io);

/// How long to wait for the frames of a killed process before it counts as abandoned: 1 s by
/// default.
///
/// That wait only happens if it is suspended in an operation that cannot be cancelled.
COPPICE_API void set_abandon_after(asio::io_context& io, std::chrono::steady_clock::duration time);

}  // namespace coppice
