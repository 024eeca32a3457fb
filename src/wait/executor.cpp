#include <coppice/executor.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace coppice {

using detail::owned_item;
using detail::process;
using detail::run_item;
using detail::scheduler;

// An executor is a slot and the number of a process. Work that is submitted through it belongs to
// that process: it runs with the process as the current one, and is destroyed unrun once the
// process has ended. `where` decides how a function object gets there; the rest of the file carries
// that out.

pid executor::owner() const noexcept {
  const executor settled{*this};
  if (settled.number_ == 0) return {};
  return detail::access::make<pid>(settled.slot(), settled.number_);
}

process* executor::get() const noexcept { return detail::access::slot(owner()); }

asio::execution_context& executor::query(asio::execution::context_t) const noexcept {
  return slot()->home.io();
}

void executor::settle() noexcept {
  // A runner outlives the process that it was made for, so its executor is tied to the slot. Every
  // copy is tied to the process that has the slot now, except for those that Asio makes while the
  // runner itself is being made.
  if (slot()->opening) return;
  number_ = slot()->number.load(std::memory_order_relaxed);
  target_ &= ~slot_bit;
}

executor::place executor::where() const noexcept {
  if (is_slot()) return place::here;  // the runner is just being made
  process& p = *slot();
  scheduler& s = p.home;
  if (!s.on_loop_thread()) return s.is_down() ? place::nowhere : place::other_thread;
  if (number_ == 0 || !p.is(number_) || s.is_down()) return place::nowhere;
  // When a handler is destroyed, Asio posts a function object that owns the frames of the
  // coroutine. Work that goes nowhere is destroyed at once, and with it the frames.
  if (s.dropping() == &p && p.life.is_exiting()) return place::nowhere;
  // A kill is relayed through this executor to coroutines that the process has spawned within
  // itself: such work runs although the process is exiting.
  if (!never_blocks() && s.current() == &p && (p.life.is_live() || s.relays_kill(p))) {
    return place::here;
  }
  // As a rule this is the completion of an operation: the io_context has called its handler,
  // nothing of coppice's is on the stack, and so it runs in this turn of the loop without being
  // queued.
  if (!never_blocks() && s.may_run_inline(p)) return place::at_once;
  return place::queue;
}

bool executor::is_caller() const noexcept { return slot()->home.current() == slot(); }

executor::dropping::dropping(const executor& ex) noexcept : at_{ex.slot()->home} {
  process& p = *ex.slot();
  at_.crash(p);
  current_ = std::exchange(at_.current_, p.is(ex.number_) ? &p : at_.current_);
  dropping_ = std::exchange(at_.dropping_, &p);
}

executor::dropping::~dropping() {
  at_.current_ = current_;
  at_.dropping_ = dropping_;
}

bool executor::run_inline(owned_item& item) const {
  process& p = *slot();
  item.owner = &p;
  item.number = number_;
  return p.home.run_inline(item);
}

// The number is stored with the item, and compared before the item runs: a slot may have a new
// process by then.
void executor::push(owned_item& item) const noexcept {
  process& p = *slot();
  item.owner = &p;
  item.number = number_;
  p.home.push(item, &p);
  p.home.note_enqueued(p);
}

void executor::left_queue(owned_item& item) noexcept {
  if (item.owner != nullptr && item.owner->is(item.number)) --item.owner->queued;
}

namespace {

// Destroys a function object that never runs, as when the io_context is destroyed.
struct dropper {
  void operator()(owned_item* item) const { item->act(item, run_item::how::drop); }
};

}  // namespace

// Takes work to the loop's thread. There the question where it runs is asked again: the process may
// have ended, or another thread may have taken over the loop.
void executor::send(owned_item& item) const {
  std::unique_ptr<owned_item, dropper> owned{&item};
  scheduler& s = slot()->home;
  asio::post(s.io().get_executor(), [self = *this, owned = std::move(owned)]() mutable {
    switch (self.where()) {
      case place::queue:
      case place::at_once: return self.push(*owned.release());
      case place::other_thread: return self.send(*owned.release());
      case place::here:
      case place::nowhere: return;
    }
  });
  // The calling thread is inside run() and has found another thread in a turn: two threads run the
  // io_context. The item has been posted, so nothing is lost when the error is thrown.
  if (s.io().get_executor().running_in_this_thread()) scheduler::refuse_second_thread();
}

}  // namespace coppice
