#pragma once

#include <cstdint>

namespace coppice::detail {

class process;
class scheduler;

// One piece of ready work. Whoever queues it owns its storage; `act` gives that back.
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

// What is done for a process, if that lives by then.
struct owned_item : run_item {
  using run_item::run_item;

  process* owner = nullptr;  // null: nobody's, always run
  union {
    std::uint64_t number = 0;  // of the owner when this was made
    scheduler* at;             // of nobody's
  };
};

// The order in which ready processes run is decided here and nowhere else: first come, first
// served.
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
