#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <atomic>
#include <type_traits>

namespace coppice::detail {

// Tells for what a process waits, to those who look for one that hangs.
enum class wait_kind : unsigned char {
  other,
  message,
  answer,    // to a call
  time,      // that passes
  process,   // that ends
  task,      // that has a result
  permit,    // of a semaphore
  children,  // that end, or give the supervisor something to do
  request,   // that a supervisor answers
  deadline,  // of something else that it waits for, see process_part
};

// A wait state says it by a member.
template <class State>
constexpr wait_kind kind_of() noexcept {
  if constexpr (requires { State::kind; }) {
    return State::kind;
  } else {
    return wait_kind::other;
  }
}

// A coroutine or handler that is suspended in one of coppice's own operations. It is waiting (in
// the list of its process), woken (in the run queue as well) or gone. Waking is cheap and may be
// spurious: whether there is a result is decided when the waiter runs. So no message is taken out
// of a mailbox for a process that is killed in between.
class COPPICE_API waiter : public owned_item, public list_hook {
 public:
  // `f` runs or drops the waiter, see run_item. If it runs, it decides whether there is a result.
  waiter(scheduler& s, function* f, wait_kind k = wait_kind::other) noexcept
      : owned_item{f}, kind{k} {
    at = &s;
  }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  [[nodiscard]] scheduler& home() noexcept { return owner != nullptr ? owner->home : *at; }

  void wake() noexcept {
    if (woken_) return;
    woken_ = true;
    if (owner != nullptr) ++owner->woken;
    home().push(*this, owner);
  }

  void abort() noexcept {
    aborted_ = true;
    wake();
  }

  [[nodiscard]] bool is_woken() const noexcept { return woken_; }
  // The body of the process itself waits, and does nothing until the wait is over. False if that is
  // not known.
  [[nodiscard]] bool holds_body() const noexcept { return holds_body_; }

  const wait_kind kind;

  // Wakes all waiters of the list. Returns false if it is empty.
  static bool wake_all(list_hook& waits) noexcept;
  static bool any_aborted(process& p) noexcept;
  static bool is_body_aborted(process& p) noexcept;
  // Aborts the waiters that hear of a stop request in no other way: they are in no cancellation
  // slot.
  static void abort_listening(process& p) noexcept;
  // Aborts the one of them that still waits. Returns false if there is none.
  static bool abort_waiting(process& p) noexcept;
  // Drops a waiter of the list that is not in the run queue. Returns false if there is none.
  static bool drop_one(list_hook& waits);

 protected:
  ~waiter() = default;
  // Called first when the waiter is acted on: from here on it may be woken again.
  void left_queue() noexcept {
    woken_ = false;
    if (owner != nullptr && owner->is(number)) --owner->woken;
  }
  [[nodiscard]] bool aborted() const noexcept { return aborted_; }
  void attach(process* p) noexcept {
    if (p != nullptr) {
      owner = p;
      number = p->number.load(std::memory_order_relaxed);
      p->waits.push_back(*this);
      // A process that was killed while another one ran within its turn waits for nothing any more:
      // the run queue drops this.
      if (p->life.is_exiting()) wake();
    } else {
      at->foreign_waits().push_back(*this);
    }
  }
  // The wait could not begin, for the exception that is being handled. One that was woken by then
  // is in the run queue, and stays there: its process ends. Returns false if it was not.
  bool fail_if_woken() noexcept;
  void listen_for_stop() noexcept { listening_ = holds_body_ = true; }
  void hold_body() noexcept { holds_body_ = true; }

 private:
  friend class process_part;

  bool woken_ = false;
  bool aborted_ = false;
  bool listening_ = false;
  bool holds_body_ = false;
  // Whether this is a part of the process that is asked to stop, and whether the request under way
  // has told it already.
  enum class stop : unsigned char { none, asked, told } stop_ = stop::none;
};

// A part of a process that can be asked to stop by itself: what the process awaits with a deadline.
// It hears of that as a process does, see stop_request. It is in the list of waits as long as it
// lasts; its own turns in the run queue are those of its timer.
class COPPICE_API process_part : public waiter {
 public:
  process_part(scheduler& s, function* f) noexcept : waiter{s, f, wait_kind::deadline} {}

  // Asks it to stop, by a turn that the scheduler posts.
  void ask_to_stop();

  // Tells whether there are parts of the process that are to stop, and may not have heard of it.
  static bool any_asked(process& p) noexcept;
  // Cancels what these parts wait for.
  static void cancel_asked(process& p);
  // They have heard of it. Returns true if another part has been asked since.
  static bool confirm_told(process& p) noexcept;

 protected:
  ~process_part() = default;
  // Cancels what it waits for. It may be gone when this returns.
  virtual void cancel() = 0;
  // What it waits for has been cancelled by a request to all of the process.
  void has_been_told() noexcept {
    if (stop_ == stop::asked) stop_ = stop::told;
  }

 private:
  static process_part* find(process& p, stop how) noexcept;
};

class cancellable_waiter;

// The handler in the cancellation slot of a wait. It stays in the slot when the wait is over, and
// serves the next wait of the same process in the same slot, since putting a handler into a slot
// costs an allocation. Slots, waits and the scheduler may go in any order, so the first to go tells
// the others.
class COPPICE_API wait_canceller {
 public:
  wait_canceller(process* p, cancellable_waiter& w, asio::cancellation_slot where = {}) noexcept;
  wait_canceller(const wait_canceller&) = delete;
  wait_canceller& operator=(const wait_canceller&) = delete;
  ~wait_canceller();

  void operator()(asio::cancellation_type type) const noexcept;

  // Lets that slot cancel the wait.
  template <class Slot>
  static void put(process* p, cancellable_waiter& w, Slot slot) {
    if constexpr (std::is_same_v<Slot, asio::cancellation_slot>) {
      if (p != nullptr && p->canceller != nullptr && p->canceller->where_ == slot) {
        p->canceller->aim(w);
      } else {
        slot.template emplace<wait_canceller>(p, w, slot);
      }
    } else {
      slot.template emplace<wait_canceller>(p, w);
    }
  }
  void forget_process() noexcept { of_ = nullptr; }
  void forget_wait() noexcept { target_ = nullptr; }

 private:
  void aim(cancellable_waiter& w) noexcept;

  process* of_ = nullptr;  // the process that uses this for its next wait
  cancellable_waiter* target_ = nullptr;
  asio::cancellation_slot where_;
};

class COPPICE_API cancellable_waiter : public waiter {
 public:
  using waiter::waiter;

 protected:
  ~cancellable_waiter() {
    if (canceller_ != nullptr) canceller_->forget_wait();
  }

 private:
  friend class wait_canceller;
  wait_canceller* canceller_ = nullptr;
};

}  // namespace coppice::detail
