#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/time_limit.hpp>

namespace coppice::detail {

// A timer that wakes a waiter. A state with a time limit has one as a member. It can be moved while
// it is not set, since states are moved until their wait begins and after it has ended; whether it
// has expired moves along.
struct COPPICE_API wake_timer : timer_node {
  wake_timer() noexcept : timer_node{&wake_timer::expire} {}
  wake_timer(wake_timer&& other) noexcept : timer_node{&wake_timer::expire} {
    if (other.has_expired()) position = expired;
  }
  static void expire(timer_node& node);
  [[nodiscard]] bool has_expired() const noexcept { return position == expired; }
  void forget() noexcept {
    if (has_expired()) position = idle;
  }
  // Never wakes if there is no limit; at once if it is zero or less.
  void arm(waiter& w, time_limit limit) {
    if (!limit.is_infinity()) set(w, limit.time());
  }
  void disarm() noexcept;

  waiter* target = nullptr;

 private:
  void set(waiter& w, duration time);
};

}  // namespace coppice::detail
