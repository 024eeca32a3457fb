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

// With a shutdown time of zero the child still has one tick of the clock to hear the request: its
// deadline would otherwise have passed when the request is made.
supervision::clock::duration own_time(const supervision::child& c) noexcept {
  return std::max(c.how.time(), supervision::clock::duration{1});
}

// How long a child takes to stop at most, as far as that can be known.
supervision::clock::duration needed_by(const supervision::child& c,
                                       supervision::needs_function* needs) {
  if (c.how.is_brutal_kill()) return {};
  if (c.how.is_timed()) return own_time(c);
  return needs != nullptr ? needs(c) : supervision::default_shutdown;
}

// The time of a deadline that is not of those children alone who have that shutdown time.
constexpr supervision::clock::duration of_everybody = supervision::clock::duration::max();

supervision::clock::duration sum(supervision::clock::duration a, supervision::clock::duration b) {
  return a < supervision::clock::duration::max() - b ? a + b : supervision::clock::duration::max();
}

}  // namespace

bool supervision::is_up(const child& c) noexcept {
  return (c.state == child_state::running && !c.ended) || c.state == child_state::stopping ||
         c.state == child_state::starting;
}

supervision::clock::duration supervision::time_to_stop(needs_function* needs) {
  clock::duration all{};
  for (child* c = children_.first(); c != nullptr; c = children_.after(*c)) {
    if (!is_up(*c)) continue;
    const clock::duration one = needed_by(*c, needs);
    all = options_.dynamic ? std::max(all, one) : sum(all, one);
  }
  return all;
}

// Splits the time that is left among a child and those that are stopped after it: those before it
// in the start order. If it is enough for all, each has its own time, and one without limit gets
// what the others leave. If it is not, each gets a part in proportion to its own time. So whoever
// ends early leaves more to the others. Children that stop side by side all get all of it.
supervision::clock::duration supervision::share_of(child& c, clock::duration left,
                                                   needs_function* needs) {
  if (c.how.is_brutal_kill()) return {};
  const clock::duration own = c.how.is_timed() ? own_time(c) : clock::duration::max();
  if (left == clock::duration::max()) return own;
  left = std::max(left, clock::duration{1});
  if (options_.dynamic) return std::min(own, left);
  const clock::duration mine = needed_by(c, needs);
  clock::duration others{};
  for (child* after = children_.before(c); after != nullptr; after = children_.before(*after)) {
    if (is_up(*after)) others = sum(others, needed_by(*after, needs));
  }
  if (sum(mine, others) <= left) return std::min(own, left - others);
  const double part = static_cast<double>(mine.count()) /
                      (static_cast<double>(mine.count()) + static_cast<double>(others.count()));
  const auto share = static_cast<clock::duration::rep>(part * static_cast<double>(left.count()));
  return std::clamp(clock::duration{share}, clock::duration{1}, left);
}

void supervision::limit_stop(clock::time_point until, needs_function* needs) {
  stop_by_ = std::min(stop_by_, until);
  needs_ = needs;
  if (!shutting_down()) return;
  if (awaited_ != nullptr) awaited_until_ = std::min(awaited_until_.value_or(stop_by_), stop_by_);
  if (pending_stops_ == 0) return;
  const auto at = std::find_if(stop_deadlines_.begin(), stop_deadlines_.end(),
                               [this](const stop_deadline& d) { return d.until < stop_by_; });
  stop_deadlines_.insert(at, {stop_by_, of_everybody});
}

supervision::clock::duration supervision::time_in_parallel(const child& c) const noexcept {
  return std::min(c.how.is_timed() ? c.how.time() : clock::duration::max(), parallel_limit_);
}

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
  action request{.kind = action::kind_type::stop, .subject = &c};
  if (shutting_down() && stop_by_ != end_of_time) {
    request.until = after(now, share_of(c, stop_by_ - now, needs_));
    awaited_until_ = request.until;
  } else if (c.how.is_timed()) {
    awaited_until_ = after(now, own_time(c));
  }
  emit(std::move(request));
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
  if (stop_by_ != end_of_time) parallel_limit_ = std::max(stop_by_ - now, clock::duration{1});
  for (child* c = children_.first(); c != nullptr;) {
    child* const following = children_.after(*c);
    if (ask_stop(*c, now)) {
      // `ask_stop` has noted the child as the only one that is awaited; here it is one of many.
      awaited_ = nullptr;
      awaited_until_.reset();
      ++pending_stops_;
      const clock::duration time = time_in_parallel(*c);
      const bool limited = c->how.is_timed() || time != clock::duration::max();
      if (limited && !c->how.is_brutal_kill()) {
        const stop_deadline b{detail::after(now, std::max(time, clock::duration{1})), time};
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
      if (c->state != child_state::stopping || c->how.is_brutal_kill() || c->had_to_be_killed) {
        continue;
      }
      if (time != of_everybody && time_in_parallel(*c) != time) continue;
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
    clock::time_point until = stop_by_;
    if (how.is_timed()) {
      until = std::min(until, after(now, std::max(how.time(), clock::duration{1})));
    }
    if (how.is_timed() || until != end_of_time) {
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
