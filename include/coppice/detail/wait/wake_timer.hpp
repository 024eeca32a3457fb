#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/waiter.hpp>

namespace coppice::detail {

// A point in time that wakes a waiter.
struct COPPICE_API wake_timer : timer_node {
  wake_timer() noexcept : timer_node{&wake_timer::ring} {}
  wake_timer(wake_timer&& other) noexcept : timer_node{&wake_timer::ring} {
    if (other.has_rung()) position = rung;
  }
  static void ring(timer_node& node);
  [[nodiscard]] bool has_rung() const noexcept { return position == rung; }
  void forget() noexcept {
    if (has_rung()) position = idle;
  }
  void begin(waiter& w, duration time);
  void leave() noexcept;

  waiter* target = nullptr;
};

}  // namespace coppice::detail
