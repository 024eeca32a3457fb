#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>

namespace coppice {

namespace detail {
class watch;
}

/// What a `watchdog` takes for too long, and what it does then.
struct watchdog_options {
  /// For how long the loop may stand still. Above zero; less than four milliseconds are four.
  std::chrono::steady_clock::duration limit = std::chrono::milliseconds{200};
  /// Called as soon as the limit is passed, while the loop still stands, on the watchdog's thread;
  /// `time` is what it has been so far. Without one, that is printed to stderr in the way of
  /// `print_report`, with a line for each function of the stack.
  ///
  /// It may call `to_string`, and what any thread may call, such as `exit`. It must not destroy the
  /// watchdog. What it throws is dropped.
  std::function<void(const loop_blocked&)> on_blocked{};
  /// By which the loop's thread is asked where it is. One that nobody else uses: the default one
  /// does nothing by itself, and debuggers let it pass.
  int signal = SIGURG;
};

/// Names the process that holds up all others: one that computes for long, or waits in another way
/// than by `co_await`.
///
///     asio::io_context io{1};
///     const coppice::watchdog dog{io, {.limit = 200ms}};
///
/// Nothing is done to that process, which in C++ nobody can interrupt. The watchdog has a thread of
/// its own; those who do without one pay a store for each turn of a process.
///
/// The loop stands still while a turn of a process goes on: all that it does from one wait to the
/// next, with the work of an idle server that it calls. Many short turns are never a long one.
/// Once a process has run, other handlers of the io_context are watched as well, together where
/// nothing of coppice's runs in between; they are told as no process. A process that runs the
/// io_context from within itself does not block it. While nobody runs the io_context, or the
/// program as a whole is stopped, no time passes.
///
/// Each time that the loop stands still is told twice: to `on_blocked`, while it does; and by the
/// report `loop_blocked`, when the loop is free again, or the watchdog is destroyed before that.
///
/// Time is real time, whatever a `virtual_clock` says. The watchdog looks four times within its
/// limit, and what is no process may escape it for a quarter of a second more. A loop that sleeps
/// is woken four times a second at the most. Nothing of that keeps the io_context from running out
/// of work, but `run()` and `poll()` count the handlers.
///
/// Each time, one signal goes to the loop's thread. The handler has SA_RESTART; still, what the
/// system never restarts, such as `poll` or `nanosleep`, ends with EINTR. A thread that has the
/// signal blocked tells neither stack nor label, after a second.
///
/// A function is named if it is in a dynamic symbol table (those of a program are if it is linked
/// with `-rdynamic`), and has its module and offset in any case, as `addr2line -e` takes them.
/// Stacks are had where there is `<execinfo.h>`.
///
/// @par Thread safety
/// It is made and destroyed on the loop's thread, or while the loop does not run. An io_context may
/// have several, and may be destroyed before them.
/// @par Origin
/// `erlang:system_monitor` with `long_schedule`. Differs: it is told while it lasts too, and with
/// the stack. OTP preempts processes, and only native code can hold up others there.
class COPPICE_API watchdog {
 public:
  /// @throws std::invalid_argument if the limit is not above zero, or the signal cannot be handled,
  ///   is raised by faults, or has a handler that is no watchdog's. Nothing has started then.
  /// @throws std::system_error if no thread can be started.
  explicit watchdog(boost::asio::io_context& io, watchdog_options options = {});
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  /// Stops looking, waiting for `on_blocked` if it is being called. The signal is handled as it was
  /// before, unless it may still come.
  ~watchdog();

 private:
  std::shared_ptr<detail::watch> watch_;
};

}  // namespace coppice
