#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace coppice::detail {

namespace {

// How many items of work run before the io_context's own handlers get a turn.
constexpr int drain_budget = 128;

// How many items go before a process that is started again, while there are as many.
constexpr int starvation_limit = 256;

}  // namespace

void scheduler::post_drain() noexcept {
  if (down_) return;
  drain_posted_ = true;
  boost::asio::post(io_.get_executor(), [this] {
    drain_posted_ = false;
    take_turn([] {});
  });
}

inline void scheduler::perform_owned(owned_item& item) {
  process* const p = item.owner;
  if (p == nullptr || p->life.is_exiting() || !p->is(item.number)) {
    perform_without_process(item);
    return;
  }
  const std::uint64_t number = item.number;
  // A process may run the io_context from within itself; it is current again when that returns.
  process* const before = std::exchange(current_, p);
  try {
    item.act(&item, run_item::how::run);
  } catch (...) {
    // Thrown by a function object that somebody posted to the process, or by the handler of somebody
    // who waits for coppice, but not in a coroutine.
    if (p->is(number)) crash(*p);
  }
  current_ = before;
  if (before != p && p->is(number)) on_suspend(*p);
}

// Runs work that has no process; destroys work whose process has ended or is exiting.
void scheduler::perform_without_process(owned_item& item) {
  process* const p = item.owner;
  process* const before = current_;
  process* const dropping_before = std::exchange(dropping_, p);
  if (p != nullptr && p->is(item.number)) current_ = p;
  try {
    item.act(&item, p == nullptr ? run_item::how::run : run_item::how::drop);
  } catch (...) {
    // Nobody can be told.
  }
  dropping_ = dropping_before;
  current_ = before;
}

inline void scheduler::perform(run_item& item) {
  if (item.act == &process::start) {
    begin(static_cast<process&>(item));
  } else {
    perform_owned(static_cast<owned_item&>(item));
  }
}

bool scheduler::may_run_inline(process& p) const noexcept {
  return active_scheduler == nullptr && !p.life.is_spawned() && p.stop.lets_run_inline() &&
         stops_.empty() && p.queued == 0 && p.woken == 0;
}

bool scheduler::run_inline(owned_item& item) {
  const auto perform_it = [&] { perform_owned(item); };
  return try_turn(perform_it);
}

// Runs however the turn ends, by an exception too.
void scheduler::turn_over() {
  turn_time_valid_ = false;
  const bool done = queue_.empty() && low_priority_.empty();
  if (!done && stops_.empty() && !drain_posted_) post_drain();
}

void scheduler::drain() {
  // Nothing runs while a request to stop is on its way: what its sender does after it must not come
  // before it.
  for (int left = drain_budget; left > 0 && stops_.empty(); --left) {
    run_queue* next = &queue_;
    if (!low_priority_.empty() && (queue_.empty() || ++skipped_ >= starvation_limit)) {
      skipped_ = 0;
      next = &low_priority_;
    }
    if (next->empty()) break;
    perform(next->pop());
  }
  if (to_destroy_ != nullptr) destroy_surplus();
}

void scheduler::deliver_pending(process& p) {
  switch (p.life.pending()) {
    case process_life::pending_end::exit: return begin_exit(p, std::move(p.reason), true);
    case process_life::pending_end::kill: return begin_exit(p, exit_reason::killed(), true);
    case process_life::pending_end::none: break;
  }
  if (p.stop.suspended(p.queued > 0)) post_stop(p);
}

void scheduler::note_enqueued(process& p) noexcept {
  ++p.queued;
  p.stop.enqueued(active_scheduler == this);
}

}  // namespace coppice::detail
