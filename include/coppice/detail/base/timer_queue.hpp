#pragma once

#include <coppice/config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace coppice::detail {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = clock::duration;

// A time that never comes: all times that the clock cannot show are taken for it.
inline constexpr time_point end_of_time = time_point::max();

// The time at which a wait of length `d` that begins now is over. A length below zero is over now.
[[nodiscard]] constexpr time_point after(time_point now, duration d) noexcept {
  if (d <= duration::zero()) return now;
  return now < end_of_time - d ? now + d : end_of_time;
}

// A point in time at which something is to happen. Belongs to whoever waits; not movable while set.
struct timer_node {
  using function = void(timer_node&);

  explicit timer_node(function* f) noexcept : fire{f} {}
  timer_node(const timer_node&) = delete;
  timer_node& operator=(const timer_node&) = delete;

  [[nodiscard]] bool armed() const noexcept { return position < expired; }

  static constexpr std::size_t idle = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t expired = idle - 1;  // for those who note that it was due

  function* fire;
  std::size_t position = idle;  // in the queue, if it is in there
};

// A heap of four children a node: set, cancel and pop cost O(log n), the earliest is at hand.
class COPPICE_API timer_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] time_point earliest() const noexcept { return heap_.front().when; }
  // When it will fire; of one that is armed.
  [[nodiscard]] time_point when(const timer_node& node) const noexcept {
    return heap_[node.position].when;
  }

  void set(timer_node& node, time_point when);
  void cancel(timer_node& node) noexcept;
  timer_node& pop() noexcept;

 private:
  struct entry {
    time_point when;
    std::uint64_t sequence;  // equal times fire in the order in which they were set
    timer_node* node;

    [[nodiscard]] bool before(const entry& other) const noexcept {
      return when != other.when ? when < other.when : sequence < other.sequence;
    }
  };

  void place(std::size_t position, entry moved) noexcept;
  void sift_up(std::size_t position, entry moved) noexcept;
  void sift_down(std::size_t position, entry moved) noexcept;

  std::vector<entry> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace coppice::detail
