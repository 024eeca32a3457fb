#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_type.hpp>

#include <utility>

namespace coppice::detail {

namespace {

// How often a killed process is told.
constexpr int kill_rounds = 4;

process& tied(list_hook* h) noexcept { return static_cast<process&>(*h); }

}  // namespace

// First the children, then the frames, then the news. Comes by again when the last child or the
// last frame is gone.
void scheduler::tear_down(process& p, bool at_rest) {
  bool has_children = p.extras && !p.extras->children.empty();
  if (has_children) {
    list_hook& children = p.extras->children;
    for (list_hook* c = children.front(); c != nullptr;) {
      process& child = tied(c);
      c = children.after(c);
      kill(child);
    }
    has_children = !children.empty();
  }
  switch (p.life.next_step(has_children)) {
    case process_life::step::nothing: return;
    case process_life::step::destroy_frames: return destroy_frames(p, at_rest);
    case process_life::step::announce: return announce_exit(p);
  }
}

void scheduler::destroy_frames(process& p, bool at_rest) {
  if (at_rest) {
    // A process that has called exit() is suspended in that very wait: dropping the wait destroys the
    // frames.
    const std::uint64_t number = p.number.load();
    current_ = dropping_ = &p;
    while (p.is(number) && waiter::drop_one(p.waits)) {
    }
    current_ = dropping_ = nullptr;
    if (!p.is(number)) return;
  }
  exiting_.push_back({&p, p.number.load(), now()});
  if (!abandon_timer_.armed()) {
    abandon_timer_.fire = [](timer_node&) { active()->give_up_waiting(); };
    set_timer(abandon_timer_, after(now(), abandon_after_));
  }
  const at_work here{*this};  // a kill may come while the loop does not run
  process* const before = std::exchange(current_, &p);
  process* const killed_before = std::exchange(killing_, &p);
  const bool relayed_before = relayed_;  // what is destroyed may kill others
  const std::uint64_t number = p.number.load();
  // An operation that completes from within its cancellation gives the process one step more, and
  // that step may wait anew. What it does so a few times over is abandoned.
  for (int rounds = kill_rounds; rounds > 0; --rounds) {
    relayed_ = false;
    try {
      p.signal.emit(boost::asio::cancellation_type::terminal);
    } catch (...) {
      // Thrown by somebody's cancellation handler: a kill is not refused by that either.
    }
    if (!relayed_ || !p.is(number) || !p.life.has_frames()) break;
  }
  if (p.is(number)) waiter::wake_all(p.waits);
  killing_ = killed_before;
  relayed_ = relayed_before;
  current_ = before;
}

void scheduler::give_up_waiting() {
  while (!exiting_.empty()) {
    const auto [block, number, since] = exiting_.front();
    process& p = *block;
    if (p.is(number) && after(since, abandon_after_) > now()) {
      set_timer(abandon_timer_, after(since, abandon_after_));
      return;
    }
    exiting_.pop_front();
    if (!p.is(number)) continue;
    if (listened_to()) {
      tell(process_abandoned{p.id(), p.label()});
    }
    announce_exit(p);
  }
}

// Nothing of the process is left but its block: tell those who want to know, and free the block.
// Nobody is told inline what could run code of another process.
void scheduler::announce_exit(process& p) {
  if (down_) return;
  // First of all: whoever takes reports may ask for what else is known of it.
  if (p.reason.is_abnormal() && listened_to()) report_crash(p);
  // Before anybody hears of the death: who does may take the name at once.
  if (p.extras) give_up_names(*p.extras);
  const pid id = p.id();
  process* const parent = p.parent();

  p.number.store(0, std::memory_order_relaxed);
  p.life.announce();
  p.unlink();
  // Helper coroutines on its executor may still wait; they go the way of what arrives too late.
  while (!p.waits.empty()) {
    auto& w = *static_cast<waiter*>(p.waits.front());
    w.unlink();
    w.wake();
  }

  if (p.watcher != nullptr) {
    std::exchange(p.watcher, nullptr)->child_exited(p, std::exchange(p.tag, nullptr), p.reason);
  }
  if (p.extras) tell_others(p, id);

  p.stop = {};
  p.acknowledges = p.answered = p.ignored = p.exit_reason_final = false;
  p.queued = 0;
  p.woken = 0;
  p.spawner = {};
  p.reason = {};
  // What was abandoned keeps its block until its frames are gone.
  if (!p.life.has_frames()) release_slot(p);
  while (!exiting_.empty() && !exiting_.front().block->is(exiting_.front().number)) exiting_.pop_front();
  if (exiting_.empty() && abandon_timer_.armed()) timers_.cancel(abandon_timer_);
  if (--alive_ == 0) {
    work_.reset();
    give_up_loose_timers();
    // Nothing may keep the io_context from running out of work.
    if (timers_.empty() && alarm_at_ != time_point::max()) {
      alarm_.cancel();
      alarm_at_ = time_point::max();
    }
  }

  if (parent != nullptr && parent->life.is_exiting() &&
      parent->extras->children.empty()) {
    tear_down(*parent);
  }
}

void scheduler::tell_others(process& p, const pid& id) {
  process_extras& extras = *p.extras;
  for (process* peer : extras.links) {
    peer->extras->links.erase(&p);
    signal(*peer, id, p.reason, stop_request::level::exit_signal);
  }
  while (!extras.subscriptions.empty()) {
    auto& s = static_cast<exit_subscription&>(*extras.subscriptions.front());
    s.unlink();
    s.fire(id, p.reason);
  }
  p.extras.reset();
}

void scheduler::runner_parked(process& p) noexcept {
  if (p.opening) return;
  p.what.reset();
  body_ended(p);
}

void scheduler::runner_gone(process& p) noexcept {
  p.runner = nullptr;
  // Making the runner has failed: `begin` gets the exception.
  if (p.opening) return;
  p.what.reset();
  if (down_) return;
  // The canceller of an operation that was dropped refers to that operation, and the next process in
  // this slot may never put another one in its place.
  p.signal.slot().clear();
  if (p.life.now() == process_life::state::vacant) return release_slot(p);
  // If somebody destroyed the coroutine, that is as good as a kill.
  if (p.life.is_live()) p.reason = exit_reason::killed();
  body_ended(p);
}

void scheduler::body_ended(process& p) noexcept {
  if (!p.life.end_body()) {
    p.reason = {};
    p.exit_reason_final = false;
    release_slot(p);
    return;
  }
  p.stop.exits();
  if (p.extras) {
    tear_down(p);
  } else {
    announce_exit(p);
  }
}

// A killed process says nothing; one that ends in order, as servers do, has told by a report of its
// own.
void scheduler::report_crash(process& p) noexcept {
  if (p.reason.kind() == exit_reason::kind_type::killed) return;
  if (behaviour* const b = p.behaviour(); b != nullptr && b->report_crash(p)) return;
  if (p.exit_reason_final) return;
  process_crashed crash{p.id(), p.label(), p.reason};
  if (p.extras) crash.name = p.extras->name;
  crash.supervised = p.watcher != nullptr;
  tell(crash);
}

}  // namespace coppice::detail
