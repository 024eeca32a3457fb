#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace coppice::detail {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = clock::duration;

// A time that never comes. Sums that the clock cannot represent become this time, so that a wait of
// duration::max() does not overflow into the past.
inline constexpr time_point end_of_time = time_point::max();

// Gives the time at which a wait of length `d` that begins now is over. A wait of a length below
// zero is over now.
[[nodiscard]] constexpr time_point after(time_point now, duration d) noexcept {
  if (d <= duration::zero()) return now;
  return now < end_of_time - d ? now + d : end_of_time;
}

// A timer. It is a member or base of the object that waits, so that setting one allocates nothing.
// It must stay where it is while it is set: the queue has its address.
struct timer_node {
  using function = void(timer_node&);

  explicit timer_node(function* f) noexcept : fire{f} {}
  timer_node(const timer_node&) = delete;
  timer_node& operator=(const timer_node&) = delete;

  [[nodiscard]] bool armed() const noexcept { return position < expired; }

  static constexpr std::size_t idle = std::numeric_limits<std::size_t>::max();
  // The queue itself sets `idle` when a timer fires; wake_timer notes by this that its time has
  // come.
  static constexpr std::size_t expired = idle - 1;

  function* fire;
  std::size_t position = idle;  // its index in the heap while it is set
};

// A timer that does not keep the io_context from running out of work: it is given up when the last
// process ends.
struct loose_timer : timer_node, list_hook {
  loose_timer(function* at_time, function* at_end) noexcept
      : timer_node{at_time}, given_up{at_end} {}

  function* given_up;
};

// A heap with four children per node: set, cancel and pop take O(log n), the earliest is found at
// once. The times are kept in the heap and not in the nodes: comparisons then touch only the heap,
// and a node is small enough to be part of every wait.
//
// From the first timer on, or from the beginning if that is asked for, there is always room for one
// more: so the one that is set for those who are being killed can be set even if there is no
// memory, and one that has just fired can be set again.
class COPPICE_API timer_queue {
 public:
  enum class with_room_t { with_room };

  timer_queue() noexcept = default;
  explicit timer_queue(with_room_t) { heap_.reserve(first_size); }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] time_point earliest() const noexcept { return heap_.front().when; }
  // Gives the time at which an armed timer fires.
  [[nodiscard]] time_point when(const timer_node& node) const noexcept {
    return heap_[node.position].when;
  }

  // Throws std::bad_alloc; nothing has changed then.
  void set(timer_node& node, time_point when);
  // Sets a timer in the room that is left. It is always the same one of a queue.
  void set_reserved(timer_node& node, time_point when) noexcept;
  void cancel(timer_node& node) noexcept;
  timer_node& pop() noexcept;

 private:
  struct entry {
    time_point when;
    std::uint64_t sequence;  // timers of one time fire in the order in which they were set
    timer_node* node;

    [[nodiscard]] bool before(const entry& other) const noexcept {
      return when != other.when ? when < other.when : sequence < other.sequence;
    }
  };

  static constexpr std::size_t first_size = 8;

  void append(timer_node& node, time_point when) noexcept;
  void place(std::size_t position, entry moved) noexcept;
  void sift_up(std::size_t position, entry moved) noexcept;
  void sift_down(std::size_t position, entry moved) noexcept;

  std::vector<entry> heap_;
  std::uint64_t next_sequence_ = 0;
  const timer_node* reserved_ = nullptr;  // the one that uses the room that is left
};

}  // namespace coppice::detail
