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

// A list of items that does not own them.
class run_list {
 public:
  run_list() noexcept = default;
  run_list(const run_list&) = delete;
  run_list& operator=(const run_list&) = delete;

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }

  void push_back(run_item& item) noexcept {
    item.next = nullptr;
    *tail_ = &item;
    tail_ = &item.next;
  }

  // Puts an item ahead of all that were there at the last `begin_batch`, but behind those that were
  // put there since, which are the batch. A batch ends before an item is taken.
  void push_to_batch(run_item& item) noexcept {
    item.next = *batch_end_;
    if (item.next == nullptr) tail_ = &item.next;
    *batch_end_ = &item;
    batch_end_ = &item.next;
  }
  void begin_batch() noexcept { batch_end_ = &head_; }
  [[nodiscard]] bool has_batch() const noexcept { return batch_end_ != &head_; }

  run_item& pop_front() noexcept {
    run_item& item = *head_;
    head_ = item.next;
    if (head_ == nullptr) tail_ = &head_;
    return item;
  }

  // Takes all items of another list, in their order.
  void append(run_list& from) noexcept {
    if (from.empty()) return;
    *tail_ = from.head_;
    tail_ = from.tail_;
    from.head_ = nullptr;
    from.tail_ = &from.head_;
  }

 private:
  run_item* head_ = nullptr;
  run_item** tail_ = &head_;
  run_item** batch_end_ = &head_;
};

// The run queue decides the order in which ready processes run. They run first come, first served,
// but for two kinds.
//
// Processes that another one has started go ahead of what was ready before, in the order of their
// starts. Where each of many processes starts many more, few are alive at the same time so, and the
// memory of one that starts and ends is in the caches. Between two of them runs one of the others,
// so that nobody waits more than twice as long as without them.
//
// Children that are restarted again and again run when nothing else is ready, or after
// `starvation_limit` other items. So do processes that wait for their start while that many others
// have started.
class run_queue {
 public:
  [[nodiscard]] bool empty() const noexcept {
    return ready_.empty() && started_.empty() && low_priority_.empty();
  }

  void push(run_item& item) noexcept { ready_.push_back(item); }
  // Adds a process that the one that runs has started.
  void push_started(run_item& item) noexcept { started_.push_to_batch(item); }
  // Adds the next turn of the process that runs: those that it has started in this one start first.
  void push_own(run_item& item) noexcept {
    if (started_.has_batch()) {
      started_.push_to_batch(item);
    } else {
      ready_.push_back(item);
    }
  }
  void push_low_priority(run_item& item) noexcept { low_priority_.push_back(item); }

  // Another process runs, which has not come from the queue.
  void begin_turn() noexcept { started_.begin_batch(); }

  // There must be an item.
  run_item& pop() noexcept {
    begin_turn();
    if (started_.empty() && low_priority_.empty()) return ready_.pop_front();
    return pop_by_rank();
  }

 private:
  // The number of items that go ahead of one that can wait, while there are as many.
  static constexpr int starvation_limit = 256;

  run_item& pop_by_rank() noexcept {
    const bool others = !ready_.empty() || !started_.empty();
    if (!low_priority_.empty() && (!others || ++skipped_ >= starvation_limit)) {
      skipped_ = 0;
      return low_priority_.pop_front();
    }
    started_was_next_ = !started_was_next_ && !started_.empty();
    if (!ready_.empty() && !started_was_next_) return ready_.pop_front();
    run_item& item = started_.pop_front();
    if (started_.empty()) {
      overtaken_ = 0;
    } else if (++overtaken_ >= starvation_limit) {
      overtaken_ = 0;
      low_priority_.append(started_);
    }
    return item;
  }

  run_list ready_;
  run_list started_;
  run_list low_priority_;
  bool started_was_next_ = false;
  int skipped_ = 0;    // the number of items since the last one of `low_priority_`
  int overtaken_ = 0;  // the number of items of `started_` since it was empty
};

// Decides which ready work runs next, in place of the order of the run queue. A simulation gives
// one to its scheduler; others have none. While there is one, completions do not run where they
// arrive, and calls are not handled within the turn of the caller.
class work_order {
 public:
  // Takes all that the queue has.
  virtual void take(run_queue& ready) = 0;
  // Gives the item that runs next, or null if other handlers are to have their turn first. The item
  // has to be acted on.
  virtual run_item* next() = 0;
  // That item has been acted on.
  virtual void done() noexcept = 0;
  // Tells whether an item that it has taken may run now.
  [[nodiscard]] virtual bool has_work() const noexcept = 0;
  // Tells whether the process does not run, though it has work.
  [[nodiscard]] virtual bool holds(process& p) const noexcept = 0;
  // Tells whether operations that the item begins may complete at once.
  [[nodiscard]] virtual bool at_once() = 0;
  // Gives all items back.
  virtual void give_back(run_queue& ready) noexcept = 0;

 protected:
  ~work_order() = default;
};

}  // namespace coppice::detail
