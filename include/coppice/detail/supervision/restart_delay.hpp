#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/restart_backoff.hpp>

#include <cstdint>
#include <string_view>

namespace coppice::detail {

// Decides how long a child waits before its next restart.
class COPPICE_API restart_delay {
 public:
  // The id and the seed decide which pauses are drawn.
  restart_delay(std::string_view id, const restart_backoff& b);

  // Tells whether such a restart is to be counted in the budget of the supervisor.
  [[nodiscard]] bool counts() const noexcept { return backoff_.counts; }

  // The child has ended after a run of that length, or has failed to start. Gives the pause before
  // its restart, which is above zero.
  duration after_run(duration run) noexcept;
  duration after_failed_start() noexcept;

 private:
  [[nodiscard]] double draw() noexcept;

  const restart_backoff backoff_;
  std::uint64_t drawn_;  // the state of the generator
  double next_;          // the next pause without jitter, in ticks of the clock
};

}  // namespace coppice::detail
