#pragma once

#include <cstdint>

namespace coppice::detail {

class process;
class scheduler;

// One piece of ready work. The queue does not own it: `act` frees its storage, if need be, in both
// ways of acting. An item that was popped must be acted on.
struct run_item {
  enum class how : bool {
    run,   // do the work
    drop,  // its process is gone: destroy the work undone
  };
  using function = void(run_item*, how);

  explicit run_item(function* f) noexcept : act{f} {}

  run_item* next = nullptr;
  function* act;
};

// Work for a process, which is dropped if the process has ended by then. The number is kept beside
// the address because the slot may have another process by then.
struct owned_item : run_item {
  using run_item::run_item;

  process* owner = nullptr;  // null: the work belongs to no process, and always runs
  union {
    std::uint64_t number = 0;  // the owner's number when this was made
    scheduler* at;             // the scheduler of an item without owner
  };
};

// The run queue decides the order in which ready processes run: first come, first served.
class run_queue {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

  void push(run_item& item) noexcept {
    item.next = nullptr;
    *tail_ = &item;
    tail_ = &item.next;
  }

  run_item& pop() noexcept {
    run_item& item = *head_;
    head_ = item.next;
    if (head_ == nullptr) tail_ = &head_;
    return item;
  }

 private:
  run_item* head_ = nullptr;
  run_item** tail_ = &head_;
};

}  // namespace coppice::detail
