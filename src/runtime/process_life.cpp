#include "turn.hpp"

#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/error.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <new>
#include <utility>

// This file holds the events in the life of a process: spawn, start, exit signals, kill, failure,
// and a lack of progress.
// They change the state of its `process_life` and do what that asks for; its end is in
// process_end.cpp.
//
// The frames of a process must not be destroyed while it runs, as they are on the stack. So a
// process that ends itself, or is killed by what it calls, ends when it suspends (`on_suspend`).

namespace coppice::detail {

// A process starts from the run queue and never within this function: the caller has its pid before
// it runs, and can link to it or monitor it.
process& scheduler::spawn(const spawn_args& b) {
  process& p = acquire_slot(b.what->kind());
  p.number.store(++last_number_, std::memory_order_relaxed);
  p.life.spawn();
  p.acknowledges = b.what->acknowledges();
  p.what = std::move(b.what);
  p.watcher = b.watcher;
  p.tag = b.tag;
  p.application = 0;
  try {
    if (b.parent != nullptr) {
      p.spawner = b.parent->id();
      p.application = b.parent->application;
      b.parent->more().children.push_back(p);
    } else if (active_scheduler == this && current_ != nullptr) {
      p.spawner = current_->id();
      p.application = current_->application;
    }
    if (!b.label.empty()) p.more().label = b.label;
    p.what->prepare(p);
  } catch (...) {
    take_back(p);
    throw;
  }
  // The io_context must not run out of work as long as there is a process.
  if (alive_++ == 0) work_.emplace(io_.get_executor());
  if (b.low_priority) {
    queue_.push_low_priority(p);
  } else if (b.watcher == nullptr && active_scheduler == this && current_ != nullptr) {
    queue_.push_started(p);
  } else {
    queue_.push(p);
  }
  see_to_queue();
  return p;
}

// There is no memory for the process, which nobody has heard of. Its slot is free again.
void scheduler::take_back(process& p) noexcept {
  p.number.store(0, std::memory_order_relaxed);
  p.life.take_back();
  p.unlink();
  if (p.extras) {
    for (process* peer : p.extras->links) peer->extras->links.erase(&p);
  }
  p.watcher = nullptr;
  p.tag = nullptr;
  p.what.reset();
  p.extras.reset();
  p.forget_process();
  release_slot(p);
}

// This function marks a run item as the start of a process: `perform` compares the address, which
// is cheaper than a call. It is called only to drop the item, when the io_context is destroyed.
void process::start(run_item* item, run_item::how) {
  static_cast<process*>(item)->what.reset();
}

void scheduler::begin(process& p) {
  progress_.note(&p);
  process* const before = std::exchange(current_, &p);
  const bool revoked = !p.life.begin();
  // A process that was killed or asked to stop before it ran ends without a step. Its body is
  // destroyed with the process current, as its destructors may ask for `self`.
  if (revoked || p.stop.was_asked()) {
    dropping_ = &p;
    p.what.reset();
    dropping_ = nullptr;
    if (revoked) {
      tear_down(p);
    } else {
      begin_exit(p, std::move(p.reason));
    }
    current_ = before;
    return;
  }
  const std::uint64_t number = p.number.load(std::memory_order_relaxed);
  try {
    p.what->launch(p);
  } catch (...) {
    crash(p);
  }
  current_ = before;
  p.ran_at = rough_time_;
  if (p.is(number)) on_suspend(p);
}

// OTP: the rules of exit/2. A process that traps exits gets the signal as a message. Otherwise the
// reason `normal` does nothing, unless the process sends it to itself or its supervisor stops it
// with it; every other reason ends the process. `kill` is not a reason here: see the function of
// that name.
void scheduler::signal(process& p, const pid& from, const exit_reason& reason,
                       stop_request::level level) noexcept {
  if (!takes_signals(p)) return;
  try {
    if (p.extras && p.extras->trap) {
      if (const auto trap = p.extras->trap; trap->exit_signal(from, reason)) return;
      // The trap is closed: from now on there is none.
      p.extras->trap.reset();
    }
    if (behaviour* const b = p.behaviour(); b != nullptr && b->exit_signal(from, reason)) return;
  } catch (...) {
    return fail(p);
  }
  if (reason.is_normal() && level != stop_request::level::supervisor && from != p.id()) return;
  ask_to_stop(p, reason, level);
}

void scheduler::stop(process& p, const exit_reason& reason) noexcept {
  try {
    if (behaviour* const b = p.behaviour(); b != nullptr && b->stop(reason)) return;
  } catch (...) {
    return fail(p);
  }
  ask_to_stop(p, reason, stop_request::level::supervisor);
}

void scheduler::kill(process& p) noexcept {
  if (!takes_signals(p)) return;
  // The frames of the current process are on the stack.
  if (current_ == &p) {
    p.life.kill_on_suspend();
    return;
  }
  begin_exit(p, exit_reason::killed());
}

void scheduler::crash(process& p) noexcept {
  if (p.life.is_live()) begin_exit(p, exit_reason::error(std::current_exception()));
}

namespace {

// An item of work that does nothing. It makes a process current for a moment, so that it suspends,
// and what was put off until then is done.
class rest_item final : public owned_item, public pooled {
 public:
  explicit rest_item(process& p) noexcept : owned_item{&act_on} {
    owner = &p;
    number = p.number.load(std::memory_order_relaxed);
  }

 private:
  static void act_on(run_item* item, how) { delete static_cast<rest_item*>(item); }
};

}  // namespace

void scheduler::fail(process& p) noexcept {
  if (!p.life.is_live()) return;
  // A process that is not current may not suspend soon by itself: an item of work sees to it.
  exit_reason why = exit_reason::error(std::current_exception());
  if (current_ != &p) {
    try {
      push(*new rest_item{p}, nullptr);
    } catch (const std::bad_alloc&) {
      return begin_exit(p, std::move(why));
    }
  }
  exit_on_suspend(p, std::move(why));
}

void scheduler::exit_on_suspend(process& p, exit_reason reason) noexcept {
  if (!p.life.is_live() || p.life.pending() == process_life::pending_end::exit) return;
  p.life.exit_on_suspend();
  p.reason = std::move(reason);
}

void scheduler::begin_exit(process& p, exit_reason reason, bool at_rest) noexcept {
  p.reason = std::move(reason);
  p.stop.exits();
  if (p.life.exit()) tear_down(p, at_rest);
}

progress_watch::progress_watch(process& p, duration l) noexcept
    : timer_node{[](timer_node& node) {
        auto& w = static_cast<progress_watch&>(node);
        w.of.home.check_progress(w);
      }},
      of{p},
      limit{l} {}

void scheduler::watch_progress(process& p, duration limit) {
  process_extras& x = p.more();
  auto watch = std::make_unique<progress_watch>(p, limit);
  watch->by_message = x.behaviour && x.behaviour->works_by_message();
  watch->since = now();
  set_timer(*watch, after(watch->since, limit));
  x.watch = std::move(watch);
  p.watched = !x.watch->by_message;
}

// A process for which the timer cannot be set ends for that: it would never count as hung.
void scheduler::note_progress(process& p) noexcept {
  progress_watch& w = *p.extras->watch;
  w.since = now();
  if (w.armed()) return;
  try {
    set_timer(w, after(w.since, w.limit));
  } catch (const std::bad_alloc&) {
    fail(p);
  }
}

namespace {

bool is_held(const progress_watch& w, const work_order* order) noexcept {
  return order != nullptr && order->holds(w.of);
}

// A server between two messages has nothing to hang in, but where a simulation lets it hang.
bool may_hang(const progress_watch& w, const work_order* order) noexcept {
  return !w.by_message || w.of.extras->behaviour->is_busy() || is_held(w, order);
}

}  // namespace

// The timer of a process that makes progress is set once for many steps: it is early then, and is
// set anew, for which there is room. A server that has nothing to do needs no timer: its next
// message sets it.
void scheduler::check_progress(progress_watch& w) noexcept {
  process& p = w.of;
  if (p.life.is_exiting()) return;
  if (p.life.is_spawned()) return note_progress(p);  // its turn has not come
  if (!may_hang(w, order_)) return;
  const time_point due = after(w.since, w.limit);
  if (due > now()) return set_timer(w, due);
  doubt_progress(p, 2);
}

// The loop may have stood still, held up by another process, while what this one waits for has come
// about. So all that is ready has its turn before it counts as hung: what is queued in the first
// turn of the io_context, what the operating system has to tell in the second.
void scheduler::doubt_progress(process& p, int turns) noexcept {
  const auto look = [this, &p, turns, number = p.number.load(std::memory_order_relaxed)] {
    if (!p.is(number) || p.life.is_exiting() || p.extras->watch->armed()) return;
    if (turns > 1) return doubt_progress(p, turns - 1);
    take_turn([this, &p] {
      const progress_watch& w = *p.extras->watch;
      if (!may_hang(w, order_)) return;
      const bool is_ready = p.queued > 0 || p.woken > 0;
      if (is_ready && !is_held(w, order_)) return note_progress(p);  // its turn has not come
      hang(p);
    });
  };
  try {
    boost::asio::post(io_.get_executor(), look);
  } catch (const std::bad_alloc&) {
    fail(p);
  }
}

void scheduler::checkpoint(process& p) {
  if (!p.extras || !p.extras->watch) return;
  progress_watch& w = *p.extras->watch;
  if (w.by_message || p.life.pending() != process_life::pending_end::none) return;
  // The time of the turn is that of its beginning, and this step may be a long one.
  const time_point present = manual_ ? turn_time_ : clock::now();
  if (present < after(w.since, w.limit)) {
    w.since = present;
  } else {
    hang(p);
  }
}

void scheduler::hang(process& p) noexcept {
  if (listened_to()) {
    tell(process_hung{p.id(), p.label(), p.extras->watch->limit});
    // The report sink may have ended the process.
    if (!p.life.is_live()) return;
  }
  if (current_ == &p) {
    exit_on_suspend(p, exit_reason::hung());
  } else {
    begin_exit(p, exit_reason::hung());
  }
}

// A link is there on both sides, or on none.
void scheduler::link(process& a, process& b) {
  b.more();
  const bool is_new = a.more().links.insert(&b).second;
  try {
    b.extras->links.insert(&a);
  } catch (...) {
    if (is_new) a.extras->links.erase(&b);
    throw;
  }
}

void scheduler::unlink(process& a, process& b) noexcept {
  if (a.extras) a.extras->links.erase(&b);
  if (b.extras) b.extras->links.erase(&a);
}

void scheduler::acknowledge(process& p, std::any info) noexcept {
  if (p.answered) return;
  p.answered = true;
  // The process is up and is no supervisor, for which the early requests have waited.
  if (p.extras && !p.extras->early_requests.empty()) {
    p.extras->refuse_early_requests(errc::wrong_type);
  }
  if (!p.acknowledges) return;
  if (p.extras) names_.got_ready(p);
  if (p.watcher != nullptr) p.watcher->child_ready(p.tag, std::move(info));
}

}  // namespace coppice::detail
