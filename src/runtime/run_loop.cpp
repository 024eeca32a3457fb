#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <utility>

// The run queue is drained in turns. A turn is one handler of the io_context: it is posted when
// there is work (`post_drain`), or it is the completion of an operation that has come in anyway
// (`run_inline`), which costs no handler more. A turn ends after so many items, so that I/O is not
// kept waiting, and then posts the next one.

namespace coppice::detail {

namespace {

// The number of items of work that run before the io_context's own handlers get a turn.
constexpr int drain_budget = 128;

}  // namespace

// Cannot fail: the room for the handler is free while no drain is posted.
void scheduler::post_drain() noexcept {
  if (down_) return;
  drain_posted_ = true;
  post_from(room_of_drain_, io_, [this] {
    drain_posted_ = false;
    take_turn([] {});
  });
}

inline void scheduler::perform_owned(owned_item& item) {
  process* const p = item.owner;
  progress_.note(p);
  if (p == nullptr || p->life.is_exiting() || !p->is(item.number)) {
    perform_without_process(item);
    return;
  }
  // There may be an outer process, which runs the io_context from within itself. A body's
  // exceptions do not get here, but those of function objects that were posted to the process, and
  // of completion handlers that are no coroutines.
  run_as(*p, [&item] { item.act(&item, run_item::how::run); });
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
    // The work belongs to no process that could end by this exception.
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

// A completion may run where it arrives only if the order of events stays as if it had been queued:
// nothing of coppice's is on the stack, and nothing of this process is ahead of it in the queue.
bool scheduler::may_run_inline(process& p) const noexcept {
  return active_scheduler == nullptr && order_ == nullptr && !p.life.is_spawned() &&
         p.stop.lets_run_inline() && stops_.empty() && p.queued == 0 && p.woken == 0;
}

bool scheduler::run_inline(owned_item& item) {
  const auto perform_it = [&] { perform_owned(item); };
  return try_turn(perform_it);
}

// Runs however the turn ends, by an exception too.
void scheduler::turn_over() noexcept {
  turn_time_valid_ = false;
  if (alarm_failed_) arm();
  // While a request to stop is on its way, the turn that delivers it drains the queue.
  const bool work = !queue_.empty() || (order_ != nullptr && order_->has_work());
  if (work && stops_.empty() && !drain_posted_) post_drain();
}

// Nothing runs while a request to stop is on its way: the sender's next messages must not arrive
// before the request.
void scheduler::drain() {
  if (order_ != nullptr) {
    drain_in_order();
  } else {
    for (int left = drain_budget; left > 0 && stops_.empty() && !queue_.empty(); --left) {
      completed_at_once_ = 0;
      perform(queue_.pop());
    }
  }
  // Here no frame is on the stack: surplus runners may be destroyed.
  if (to_destroy_ != nullptr) destroy_surplus();
}

void scheduler::drain_in_order() {
  for (int left = drain_budget; left > 0 && stops_.empty(); --left) {
    order_->take(queue_);
    run_item* const item = order_->next();
    if (item == nullptr) return;
    completed_at_once_ = order_->at_once() ? 0 : most_at_once;
    perform(*item);
    order_->done();
  }
}

void scheduler::set_order(work_order* order) noexcept {
  if (order_ != nullptr) order_->give_back(queue_);
  order_ = order;
}

// The process has suspended: what could not be done while it ran is done now. An end of the process
// makes a request to stop pointless, so that comes first.
void scheduler::deliver_pending(process& p) noexcept {
  switch (p.life.pending()) {
    case process_life::pending_end::exit: return begin_exit(p, std::move(p.reason), true);
    case process_life::pending_end::kill: return begin_exit(p, exit_reason::killed(), true);
    case process_life::pending_end::none: break;
  }
  if (p.stop.suspended(p.queued > 0)) post_stop(p);
}

// A completion that arrives tells the stop request whether its cancellation has found a wait.
void scheduler::note_enqueued(process& p) noexcept {
  ++p.queued;
  p.stop.enqueued(active_scheduler == this);
}

}  // namespace coppice::detail
