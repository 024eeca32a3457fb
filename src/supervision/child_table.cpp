#include <coppice/detail/supervision/child_table.hpp>

namespace coppice::detail {

// The table does not own its children and may be destroyed before them: each one leaves the list.
child_table::~child_table() {
  while (!order_.empty()) order_.front()->unlink();
}

supervised_child* child_table::find(std::string_view id) {
  if (finds_by_number_) return nullptr;
  make_index();
  const auto found = by_id_.find(id);
  return found != by_id_.end() ? found->second : nullptr;
}

supervised_child* child_table::find(std::uint64_t number) {
  if (!finds_by_number_ || number == 0) return nullptr;  // 0 is of those that never had a process
  make_index();
  const auto found = by_number_.find(number);
  return found != by_number_.end() ? found->second : nullptr;
}

void child_table::make_index() {
  if (has_index_) return;
  try {
    for (supervised_child* c = first(); c != nullptr; c = after(*c)) add_to_index(*c);
  } catch (...) {
    by_id_.clear();
    by_number_.clear();
    throw;
  }
  has_index_ = true;
}

void child_table::add_to_index(supervised_child& c) {
  if (finds_by_number_) {
    if (c.number != 0) by_number_.emplace(c.number, &c);  // until it has a process, it has no key
  } else {
    // The key is a view of the child's own id, which stays where it is as long as the child is
    // listed.
    by_id_.emplace(c.id, &c);
  }
}

void child_table::append(supervised_child& c) {
  if (has_index_) add_to_index(c);  // first, as it may throw
  order_.push_back(c);
  ++size_;
}

// A child whose start was refused is in no list, and its id may belong to another child: the index
// entry is erased only if it is this child's own.
void child_table::remove(supervised_child& c) noexcept {
  set_state(c, child_state::stopped);
  if (finds_by_number_) {
    if (has_index_ && !c.empty()) by_number_.erase(c.number);
  } else if (const auto found = by_id_.find(c.id); found != by_id_.end() && found->second == &c) {
    by_id_.erase(found);
  }
  if (c.empty()) return;
  c.unlink();
  --size_;
}

// A dynamic child is found by the number of its latest process, so each restart moves its entry.
void child_table::index_number(std::uint64_t number, supervised_child& c) {
  auto entry = by_number_.extract(c.number);
  if (entry.empty()) {
    by_number_.emplace(number, &c);
    return;
  }
  entry.key() = number;
  by_number_.insert(std::move(entry));
}

}  // namespace coppice::detail
