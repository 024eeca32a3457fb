#include <coppice/detail/base/timer_queue.hpp>

#include <algorithm>

namespace coppice::detail {

namespace {
// A heap with four children per node has half the levels of a binary one, and the four children lie
// side by side in memory: it touches fewer cache lines when there are many timers.
constexpr std::size_t arity = 4;
}

void timer_queue::set(timer_node& node, time_point when) {
  const bool has_room_for_it = reserved_ != nullptr && reserved_->armed();
  const std::size_t needed = heap_.size() + (has_room_for_it ? 1 : 2);
  if (!node.armed() && needed > heap_.capacity()) {
    heap_.reserve(std::max(first_size, 2 * heap_.capacity()));
  }
  append(node, when);
}

void timer_queue::set_reserved(timer_node& node, time_point when) noexcept {
  reserved_ = &node;
  append(node, when);
}

void timer_queue::append(timer_node& node, time_point when) noexcept {
  cancel(node);
  heap_.push_back({when, next_sequence_++, &node});
  sift_up(heap_.size() - 1, heap_.back());
}

void timer_queue::cancel(timer_node& node) noexcept {
  if (!node.armed()) return;
  const std::size_t hole = node.position;
  node.position = timer_node::idle;
  const entry last = heap_.back();
  heap_.pop_back();
  if (last.node == &node) return;
  // The last entry fills the hole. It may come from another branch, so it may have to go up as well
  // as down.
  if (hole > 0 && last.before(heap_[(hole - 1) / arity])) {
    sift_up(hole, last);
  } else {
    sift_down(hole, last);
  }
}

timer_node& timer_queue::pop() noexcept {
  timer_node& node = *heap_.front().node;
  cancel(node);
  return node;
}

// Every move of an entry goes through here: `position` of a node is always its index in the heap.
void timer_queue::place(std::size_t position, entry moved) noexcept {
  heap_[position] = moved;
  moved.node->position = position;
}

void timer_queue::sift_up(std::size_t position, entry moved) noexcept {
  while (position > 0) {
    const std::size_t parent = (position - 1) / arity;
    if (!moved.before(heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, moved);
}

void timer_queue::sift_down(std::size_t position, entry moved) noexcept {
  for (;;) {
    const std::size_t first = position * arity + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + arity, heap_.size());
    std::size_t best = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].before(heap_[best])) best = child;
    }
    if (!heap_[best].before(moved)) break;
    place(position, heap_[best]);
    position = best;
  }
  place(position, moved);
}

}  // namespace coppice::detail
