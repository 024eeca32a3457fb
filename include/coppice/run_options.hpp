#pragma once

#include <coppice/time_limit.hpp>

#include <chrono>
#include <functional>

namespace coppice {

/// How a program behaves towards those outside of it: see `run`.
struct run_options {
  /// Within which time everything is down after the first signal, split as `stop_within` says.
  /// Above zero. `infinity`: each child has its own shutdown time, however many there are.
  time_limit stop_within = infinity;
  /// Called with true when the root and all its children are up, and with false at the first
  /// signal, before anything else is done. For whoever sends work: load balancers, `/ready`.
  std::function<void(bool)> on_ready{};
  /// For how long after that everything goes on as before: until those who send work have noticed.
  /// Not negative.
  std::chrono::steady_clock::duration settle{};
  /// From which time on whoever blocks the loop is named, by a `watchdog`. Above zero. `infinity`:
  /// nobody looks.
  time_limit watchdog = infinity;
  /// Whether SIGUSR1 writes a `dump` to stderr. Otherwise that signal does what it does by default,
  /// which is to end the program.
  bool dump_on_sigusr1 = false;
  /// Whether a service manager is told what the program does, in the protocol of systemd
  /// (sd_notify), if it has started the program so (`$NOTIFY_SOCKET`; `Type=notify`):
  ///
  /// - `READY=1` when the root and all its children are up and `on_ready` has returned, with the
  ///   number of processes as `STATUS`;
  /// - `WATCHDOG=1` twice in `$WATCHDOG_USEC`, by the loop itself: who blocks the loop for longer
  ///   has the manager end the program;
  /// - `STOPPING=1` when the stop begins, and with it `EXTEND_TIMEOUT_USEC`, the time that it takes
  ///   at most; again whenever something has ended meanwhile. So the manager's own limit
  ///   (`TimeoutStopSec`) is one for a stop that makes no progress.
  ///
  /// The program does not wait for a manager that is busy: what that does not take at once it gets
  /// later, but for `WATCHDOG=1`.
  bool notify_service_manager = false;
};

}  // namespace coppice
