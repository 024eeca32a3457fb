#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_type.hpp>

#include <new>
#include <utility>

// A process ends in three stages: its children are killed and awaited, its frames are destroyed,
// and its end is announced. `process_life` decides which stage is next; `tear_down` is called again
// whenever a child or the frames are gone. So nothing of a process is left when anybody hears of
// its end: whoever restarts it finds its ports, files and names free.

namespace coppice::detail {

namespace {

// The number of times that the cancellation of a killed process is emitted.
constexpr int kill_rounds = 4;

process& tied(list_hook* h) noexcept { return static_cast<process&>(*h); }

}  // namespace

// Takes the next step towards the end of a process. The children go first, as a child may use what
// lives in the frames of its parent.
void scheduler::tear_down(process& p, bool at_rest) noexcept {
  bool has_children = p.extras && !p.extras->children.empty();
  if (has_children) {
    list_hook& children = p.extras->children;
    for (list_hook* c = children.front(); c != nullptr;) {
      process& child = tied(c);
      c = children.after(c);  // before the kill, which may take the child out of the list
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

// Destroys the frames of a process without running it: the handlers that would resume it are
// dropped, and the frames go with them, innermost first. Waits of coppice's are dropped directly.
// An operation of Asio's owns its handler, so it is cancelled; its completion arrives at the
// executor of the process, which drops it.
void scheduler::destroy_frames(process& p, bool at_rest) noexcept {
  if (at_rest) {
    // A process that has called exit() is suspended in that very wait: dropping the wait destroys
    // the frames. That may end the process, and takes other waits out of the list, so each round
    // starts from the front of it.
    const std::uint64_t number = p.number.load();
    // There may be an outer process, within whose turn this one has run.
    process* const before = std::exchange(current_, &p);
    process* const dropping_before = std::exchange(dropping_, &p);
    while (p.is(number) && waiter::drop_one(p.waits)) {
    }
    current_ = before;
    dropping_ = dropping_before;
    if (!p.is(number)) return;
  }
  if (order_ != nullptr) look_again();  // it has held the process back, and does so no more
  wait_for_frames(p);
  const at_work here{*this};  // a kill may come while the loop does not run
  process* const before = std::exchange(current_, &p);
  process* const killed_before = std::exchange(killing_, &p);
  const bool relayed_before = relayed_;  // destructors may kill other processes
  const std::uint64_t number = p.number.load();
  // A kill is relayed through the executor to coroutines that the process has spawned within itself
  // (`relays_kill`). Such a step may wait anew, so the cancellation is emitted again; so it is if
  // there was no memory to relay it. A process that goes on waiting anew is abandoned after some
  // time (`give_up_waiting`).
  for (int rounds = kill_rounds; rounds > 0; --rounds) {
    relayed_ = false;
    try {
      p.signal.emit(boost::asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) {
      relayed_ = true;
    } catch (...) {
      // A cancellation handler of the user's has thrown. That does not refuse the kill.
    }
    if (!relayed_ || !p.is(number) || !p.life.has_frames()) break;
  }
  // The woken waits are dropped by the run queue, since their process is exiting.
  if (p.is(number)) waiter::wake_all(p.waits);
  killing_ = killed_before;
  relayed_ = relayed_before;
  current_ = before;
}

bool scheduler::relays_kill(const process& p) noexcept {
  if (killing_ != &p) return false;
  relayed_ = true;
  return true;
}

// If there is no memory to list the process, it is found among all of them when the latest such one
// has had its time.
void scheduler::wait_for_frames(process& p) noexcept {
  const time_point present = now();
  try {
    exiting_.push_back({&p, p.number.load(), present});
  } catch (const std::bad_alloc&) {
    p.unlisted = true;
    unlisted_exit_ = present;
  }
  if (abandon_timer_.armed()) return;
  abandon_timer_.fire = [](timer_node&) { active()->give_up_waiting(); };
  timers_.set_reserved(abandon_timer_, after(present, abandon_after_));
  arm();
}

// An operation that ignores its cancellation would keep a process, and with it its supervisor,
// exiting for ever. After `abandon_after_` its end is announced all the same, and the slot stays
// unused until the frames are gone. The list is in order of time, so only its front is looked at.
void scheduler::give_up_waiting() noexcept {
  const auto abandon = [this](process& p) {
    if (listened_to()) tell(process_abandoned{p.id(), p.label()});
    announce_exit(p);
  };
  const auto is_due = [this](time_point since) {
    if (after(since, abandon_after_) <= now()) return true;
    timers_.set_reserved(abandon_timer_, after(since, abandon_after_));
    arm();
    return false;
  };
  while (!exiting_.empty()) {
    const auto [block, number, since] = exiting_.front();
    if (block->is(number) && !is_due(since)) return;
    exiting_.pop_front();
    if (block->is(number)) abandon(*block);
  }
  if (!unlisted_exit_ || !is_due(*unlisted_exit_)) return;
  unlisted_exit_.reset();
  slots_.for_each([&](process& p) {
    if (p.unlisted) abandon(p);
  });
}

// Nothing of the process is left but its slot: those who want to know of the end are told, and the
// slot is released. They are told by signals and messages, so that no coroutine of another process
// runs within this function.
void scheduler::announce_exit(process& p) noexcept {
  if (down_) return;
  // The report comes first: a report sink may look up the process, by its name too.
  if (p.reason.is_abnormal() && listened_to()) report_crash(p);
  // Names are free before anybody hears of the end: whoever hears of it may take the name at once.
  if (p.extras) {
    give_up_names(*p.extras);
    if (p.extras->watch && p.extras->watch->armed()) timers_.cancel(*p.extras->watch);
  }
  const pid id = p.id();
  process* const parent = p.parent();

  // From here on every pid of the process is dead.
  p.number.store(0, std::memory_order_relaxed);
  p.life.announce();
  p.unlink();
  // Coroutines that the process has spawned on its executor may still wait. Their waits are dropped
  // by the run queue, because the number no longer matches.
  while (!p.waits.empty()) {
    auto& w = *static_cast<waiter*>(p.waits.front());
    w.unlink();
    w.wake();
  }

  if (p.watcher != nullptr) {
    std::exchange(p.watcher, nullptr)->child_exited(p, std::exchange(p.tag, nullptr), p.reason);
  }
  tell_others(p, id);

  p.forget_process();
  // An abandoned process keeps its slot until its frames are gone.
  if (!p.life.has_frames()) release_slot(p);
  while (!exiting_.empty() && !exiting_.front().block->is(exiting_.front().number))
    exiting_.pop_front();
  if (--alive_ == 0) unlisted_exit_.reset();
  if (exiting_.empty() && !unlisted_exit_) timers_.cancel(abandon_timer_);
  if (alive_ == 0) {
    work_.reset();
    give_up_loose_timers();
    // An alarm that is still set would keep the io_context from running out of work.
    if (timers_.empty() && alarm_at_ != time_point::max()) {
      alarm_.cancel();
      alarm_at_ = time_point::max();
    }
  }

  // The parent may have waited for this child, its last one, in order to end.
  if (parent != nullptr && parent->life.is_exiting() &&
      parent->extras->children.empty()) {
    tear_down(*parent);
  }
}

// OTP: a process that ends sends exit signals to its links and 'DOWN' to its monitors.
void scheduler::tell_all_of(process& p, const pid& was) noexcept {
  process_extras& extras = *p.extras;
  for (process* peer : extras.links) {
    peer->extras->links.erase(&p);
    signal(*peer, was, p.reason, stop_request::level::exit_signal);
  }
  while (!extras.subscriptions.empty()) {
    auto& s = static_cast<exit_subscription&>(*extras.subscriptions.front());
    s.unlink();
    s.fire(was, p.reason);
  }
  p.extras.reset();
}

// The body has ended by itself, and its frames are gone. Its runner waits for the next body; a task
// has no runner, but ends through here as well.
void scheduler::runner_parked(process& p) noexcept {
  if (p.opening) return;
  p.what.reset();
  body_ended(p);
}

// The frames of the process have been destroyed, and its runner, if it has one, with them.
void scheduler::runner_gone(process& p) noexcept {
  p.runner = nullptr;
  // If the runner could not be made, `begin` gets the exception.
  if (p.opening) return;
  p.what.reset();
  if (down_) return;
  // The canceller of an operation that was dropped refers to that operation, and the next process
  // in this slot may never put another one in its place.
  p.signal.slot().clear();
  if (p.life.now() == process_life::state::vacant) return release_slot(p);
  // The coroutine was destroyed where it waited, for instance because an I/O object of the user's
  // dropped its handler. That counts as a kill.
  if (p.life.is_live()) p.reason = exit_reason::killed();
  body_ended(p);
}

void scheduler::body_ended(process& p) noexcept {
  // An abandoned process was announced long ago: only its slot is left to be released.
  if (!p.life.end_body()) {
    p.reason = {};
    p.exit_reason_final = false;
    release_slot(p);
    return;
  }
  p.stop.exits();
  // Only a process with extras can have children. The shortcut saves time at the end of every other
  // one.
  if (p.extras) {
    tear_down(p);
  } else {
    announce_exit(p);
  }
}

// A killed process makes no crash report, as in OTP. A behaviour may make one of its own; a process
// whose final reason was set by its behaviour has ended in order.
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
