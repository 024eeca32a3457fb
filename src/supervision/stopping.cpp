#include <coppice/detail/supervision/supervision.hpp>

#include <coppice/detail/base/timer_queue.hpp>

#include <algorithm>
#include <utility>

// Children are stopped one by one, as OTP's do_terminate/2 and shutdown/1 do it, or all at
// once (dynamic children). A child is asked to end, has its shutdown time for that, and is killed
// when the time is over. Its supervisor waits until it is down in any case, even after a kill.
//
// Either `awaited_` is the one child that is being started or stopped, or `pending_stops_` counts
// those that stop side by side; never both.

namespace coppice::detail {

namespace {

// The shutdown time of a worker whose spec does not give one.
constexpr std::chrono::seconds default_shutdown{5};

// With a shutdown time of zero the child still has one tick of the clock to hear the request: its
// deadline would otherwise have passed when the request is made.
supervision::clock::duration time_to_stop(const supervision::child& c) noexcept {
  return std::max(c.how.time(), supervision::clock::duration{1});
}

}  // namespace

// The end of the supervisor begins: no other job follows this one. A child whose exit waits in the
// inbox is down already and is not counted as stopped by us.
void supervision::begin_shut_down(exit_reason reason, cause why) {
  cause_ = why;
  begin({.kind = job_kind::shut_down,
         .cursor = children_.last(),
         .reason = std::move(reason)});
  for (child* c = children_.first(); c != nullptr; c = children_.after(*c)) {
    if (c->state == child_state::running && !c->ended) ++stopped_at_end_;
  }
}

bool supervision::ask_stop(child& c, clock::time_point now) {
  // The child has no process, only a retry in the inbox, or a pause, which must not start it again.
  if (c.state == child_state::restarting) {
    cancel_restart(c);
    return false;
  }
  if (c.state != child_state::running) return false;
  end_probation(c);
  if (c.ended) {
    // The child has died by itself, and its exit waits in the inbox behind this job. OTP finds such
    // an exit in unlink_flush/2: the child is down, its own reason is judged, and it is not
    // restarted.
    drop_pending(c);
    c.ended = false;
    account_stop(c, c.reason);
    return false;
  }
  set_state(c, child_state::stopping);
  // A brutal kill is the policy of the child; the flag is for children that did not end in time.
  c.had_to_be_killed = false;
  awaited_ = &c;
  awaited_until_.reset();
  if (c.how.is_brutal_kill()) {
    emit({.kind = action::kind_type::kill, .subject = &c});
    return true;
  }
  if (c.how.is_timed()) awaited_until_ = after(now, time_to_stop(c));
  emit({.kind = action::kind_type::stop, .subject = &c});
  return true;
}

// A child that was asked to stop, or killed, is down. Its exit is taken out of turn: the job that
// waits for it is ahead of everything in the inbox.
void supervision::on_down(child& c) {
  account_stop(c, c.reason);
  if (awaited_ == &c) {
    awaited_ = nullptr;
    awaited_until_.reset();
  } else {
    --pending_stops_;
    if (pending_stops_ == 0) stop_deadlines_.clear();
  }
  on_stopped(c);
}

// A child that a job wants to be stopped is down, or was down before. OTP: terminate_children/2
// keeps the record of a stopped child, so that it can be started again, unless it is temporary. The
// strategies then start it with its group; after a shutdown nobody can.
void supervision::on_stopped(child& c) {
  set_state(c, child_state::stopped);
  c.reason = {};
  if (is_forgotten(c) || job_.kind == job_kind::shut_down) {
    forget(c);
  }
}

// OTP: do_terminate/2, shutdown/1. A stop went well if the child ended by what it was told:
// `killed` after a brutal kill, else `shutdown` without a note. A child that is not permanent may
// end by any normal reason as well, since it was free to end at that moment. Everything else is
// reported.
void supervision::account_stop(child& c, const exit_reason& reason) {
  if (c.had_to_be_killed && job_.kind == job_kind::shut_down) ++killed_at_end_;
  const bool as_asked = c.how.is_brutal_kill() ? reason.kind() == exit_reason::kind_type::killed
                                               : reason.is_shutdown() && reason.note().empty();
  const bool fine_too = c.when != restart::permanent && !reason.is_abnormal();
  if ((as_asked || fine_too) && !c.had_to_be_killed) return;
  emit_report(action::kind_type::stopped_badly, c, reason);
}

// Elixir's DynamicSupervisor stops its children this way: all are told at once, and children with
// the same shutdown time share a deadline. So the number of deadlines is that of different times,
// and not that of children.
void supervision::begin_parallel_stop(clock::time_point now) {
  for (child* c = children_.first(); c != nullptr;) {
    child* const following = children_.after(*c);
    if (ask_stop(*c, now)) {
      // `ask_stop` has noted the child as the only one that is awaited; here it is one of many.
      awaited_ = nullptr;
      awaited_until_.reset();
      ++pending_stops_;
      if (c->how.is_timed()) {
        const stop_deadline b{detail::after(now, time_to_stop(*c)), c->how.time()};
        const auto at = std::lower_bound(
            stop_deadlines_.begin(), stop_deadlines_.end(), b,
            [](const stop_deadline& x, const stop_deadline& y) { return x.time > y.time; });
        if (at == stop_deadlines_.end() || at->time != b.time) stop_deadlines_.insert(at, b);
      }
    } else {
      on_stopped(*c);
    }
    c = following;
  }
}

// Kills the children whose time is over. Called only while a start or a stop is being awaited.
void supervision::check_deadline(clock::time_point now) {
  while (!stop_deadlines_.empty() && stop_deadlines_.back().until <= now) {
    const clock::duration time = stop_deadlines_.back().time;
    stop_deadlines_.pop_back();
    for (child* c = children_.first(); c != nullptr; c = children_.after(*c)) {
      if (c->state != child_state::stopping || !c->how.is_timed() || c->how.time() != time)
        continue;
      c->had_to_be_killed = true;
      emit({.kind = action::kind_type::kill, .subject = c});
    }
  }
  if (awaited_ == nullptr) return;
  const bool starts = awaited_->state == child_state::starting && !awaited_->had_to_be_killed;
  if (stop_wanted_ && starts && !start_limited_) {
    // A stop of the supervisor waits for a start that is under way, but not for ever: the start
    // gets, from now on, the time that the child has for stopping, and no more than its start
    // limit. OTP would wait without limit, since its start calls have none.
    start_limited_ = true;
    const shutdown how =
        awaited_->how.is_brutal_kill() ? shutdown{default_shutdown} : awaited_->how;
    if (how.is_timed()) {
      const clock::time_point until =
          after(now, std::max(how.time(), clock::duration{1}));
      awaited_until_ = std::min(awaited_until_.value_or(until), until);
    }
  }
  // The child is killed, and still awaited: the job goes on when its exit has come.
  if (!awaited_until_ || *awaited_until_ > now) return;
  awaited_until_.reset();
  awaited_->had_to_be_killed = true;
  emit({.kind = action::kind_type::kill, .subject = awaited_});
}

}  // namespace coppice::detail
