#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace coppice {

/// Takes the time of an io_context into a test's hand: it stands still, and jumps where the test
/// says. All of coppice's own waits go by it (shutdown times, restart windows, time limits,
/// `sleep_for`, `send_after`); Asio's own timers do not.
///
/// Drives the io_context itself, by `poll()`, and restarts it each time, so that it need not be
/// restarted when it was stopped or has run out of work; do not call `run()` beside it.
///
/// @par Thread safety
/// Only on one thread, which becomes the loop's thread.
class COPPICE_API virtual_clock {
 public:
  /// The clock that it stands for.
  using clock = std::chrono::steady_clock;

  /// Stops the time of `io`, for good.
  explicit virtual_clock(boost::asio::io_context& io);

  /// Its time.
  [[nodiscard]] clock::time_point now() const;

  /// Runs everything that is ready, until nothing is. Time stands still.
  void settle();

  /// Settles, then moves time on by `d`, stopping at every timer on the way to settle again.
  void advance(clock::duration d);

  /// Jumps to the next timer and settles. False if there is none.
  bool jump();

 private:
  boost::asio::io_context& io_;
};

}  // namespace coppice
