#include <coppice/executor.hpp>

#include <coppice/detail/runtime/scheduler.hpp>

#include <boost/asio/post.hpp>

#include <memory>

namespace coppice {

using detail::owned_item;
using detail::process;
using detail::run_item;
using detail::scheduler;

pid executor::owner() const noexcept {
  const executor settled{*this};
  if (settled.number_ == 0) return {};
  return {settled.block(), settled.number_};
}

process* executor::get() const noexcept { return owner().get(); }

asio::execution_context& executor::query(asio::execution::context_t) const noexcept {
  return block()->home.io();
}

void executor::settle() noexcept {
  if (block()->opening) return;
  number_ = block()->number.load(std::memory_order_relaxed);
  target_ &= ~block_bit;
}

executor::place executor::where() const noexcept {
  if (is_block()) return place::here;
  process& p = *block();
  scheduler& s = p.home;
  if (!s.on_loop_thread()) return s.is_down() ? place::nowhere : place::other_thread;
  if (number_ == 0 || !p.is(number_) || s.is_down()) return place::nowhere;
  // The unwinding that Asio posts when a handler is destroyed: do it on the spot.
  if (s.dropping() == &p && p.life.is_exiting()) return place::nowhere;
  // A coroutine spawned within the process hears of a kill through this executor: that must run.
  if (!never_blocks() && s.current() == &p && (p.life.is_live() || s.relays_kill(p))) {
    return place::here;
  }
  // The completion of an operation, as a rule: the turn of the loop is its own.
  if (!never_blocks() && s.may_run_inline(p)) return place::at_once;
  return place::queue;
}

bool executor::run_inline(owned_item& item) const {
  process& p = *block();
  item.owner = &p;
  item.number = number_;
  return p.home.run_inline(item);
}

void executor::push(owned_item& item) const noexcept {
  process& p = *block();
  item.owner = &p;
  item.number = number_;
  p.home.push(item);
  p.home.note_enqueued(p);
}

void executor::left_queue(owned_item& item) noexcept {
  if (item.owner != nullptr && item.owner->is(item.number)) --item.owner->queued;
}

namespace {

struct dropper {
  void operator()(owned_item* item) const { item->act(item, run_item::how::drop); }
};

}  // namespace

void executor::send(owned_item& item) const {
  std::unique_ptr<owned_item, dropper> owned{&item};
  scheduler& s = block()->home;
  asio::post(s.io().get_executor(), [self = *this, owned = std::move(owned)]() mutable {
    switch (self.where()) {
      case place::queue:
      case place::at_once: return self.push(*owned.release());
      case place::other_thread: return self.send(*owned.release());
      case place::here:
      case place::nowhere: return;
    }
  });
  // A thread inside run() that finds another one in a turn: the item is safe, the thread is one too
  // many.
  if (s.io().get_executor().running_in_this_thread()) scheduler::refuse_second_thread();
}

}  // namespace coppice
