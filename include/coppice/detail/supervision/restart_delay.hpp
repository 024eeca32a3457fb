#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/restart_backoff.hpp>

#include <cstdint>

namespace coppice::detail {

struct supervised_child;

// Decides how long a child waits before its next restart. It is a timer of the decisions while the
// child waits.
class COPPICE_API restart_delay : public timer_node {
 public:
  restart_delay(supervised_child& of, const restart_backoff& b);

  [[nodiscard]] supervised_child& child() const noexcept { return of_; }
  // Tells whether such a restart is to be counted in the budget of the supervisor.
  [[nodiscard]] bool counts() const noexcept { return backoff_.counts; }

  void started(time_point now) noexcept { since_ = now; }
  // The child has ended at that time, or failed to start. Gives the pause before its restart.
  duration after_run(time_point now) noexcept;
  duration after_failed_start() noexcept;
  // Gives the same pause once more.
  [[nodiscard]] duration latest() const noexcept { return latest_; }

  // The pause is over, and the child is to be started, but that has not come about yet.
  [[nodiscard]] bool is_over() const noexcept { return over_; }
  void set_over(bool over) noexcept { over_ = over; }

 private:
  [[nodiscard]] double draw() noexcept;

  supervised_child& of_;
  const restart_backoff backoff_;
  std::uint64_t drawn_;  // the state of the generator
  double next_;          // the next pause without jitter, in ticks of the clock
  duration latest_{};
  time_point since_{};
  bool over_ = false;
};

}  // namespace coppice::detail
