#include <coppice/supervision.hpp>

#include <coppice/detail/base/timer_queue.hpp>

#include <algorithm>
#include <utility>

namespace coppice {

namespace {

// What a worker has for stopping unless its spec says otherwise.
constexpr std::chrono::seconds default_shutdown{5};

// Not even without any time is a child killed before it could hear that it was asked.
supervision::clock::duration time_to_stop(const supervision::child& c) noexcept {
  return std::max(c.how.time(), supervision::clock::duration{1});
}

}  // namespace

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
  if (c.state == child_state::restarting) {
    drop_pending(c);
    set_state(c, child_state::stopped);
    return false;
  }
  if (c.state != child_state::running) return false;
  if (c.ended) {
    // It died a moment ago, by itself: that is how it ended, and this is where it is dealt with.
    drop_pending(c);
    c.ended = false;
    account_stop(c, c.reason);
    return false;
  }
  set_state(c, child_state::stopping);
  c.had_to_be_killed = false;
  awaited_ = &c;
  awaited_until_.reset();
  if (c.how.is_brutal_kill()) {
    emit({.kind = action::kind_type::kill, .subject = &c});
    return true;
  }
  if (c.how.is_timed()) awaited_until_ = detail::after(now, time_to_stop(c));
  emit({.kind = action::kind_type::stop, .subject = &c});
  return true;
}

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

// A child that was to stop is down.
void supervision::on_stopped(child& c) {
  set_state(c, child_state::stopped);
  c.reason = {};
  if (c.when == restart::temporary || options_.dynamic || job_.kind == job_kind::shut_down) {
    forget(c);
  }
}

void supervision::account_stop(child& c, const exit_reason& reason) {
  if (c.had_to_be_killed && job_.kind == job_kind::shut_down) ++killed_at_end_;
  const bool as_asked = c.how.is_brutal_kill() ? reason.kind() == exit_reason::kind_type::killed
                                               : reason.is_shutdown() && reason.note().empty();
  const bool fine_too = c.when != restart::permanent && !reason.is_abnormal();
  if ((as_asked || fine_too) && !c.had_to_be_killed) return;
  emit_report(action::kind_type::stopped_badly, c, reason);
}

// All are told at once; those with the same shutdown time share a deadline.
void supervision::begin_parallel_stop(clock::time_point now) {
  for (child* c = children_.first(); c != nullptr;) {
    child* const following = children_.after(*c);
    if (ask_stop(*c, now)) {
      awaited_ = nullptr;
      awaited_until_.reset();
      ++pending_stops_;
      if (c->how.is_timed()) {
        const stop_deadline b{detail::after(now, time_to_stop(*c)), c->how.time()};
        const auto at =
            std::lower_bound(stop_deadlines_.begin(), stop_deadlines_.end(), b,
                             [](const stop_deadline& x, const stop_deadline& y) { return x.time > y.time; });
        if (at == stop_deadlines_.end() || at->time != b.time) stop_deadlines_.insert(at, b);
      }
    } else {
      on_stopped(*c);
    }
    c = following;
  }
}

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
    // Whoever stops the supervisor waits for a start that is under way, but not for ever: it has
    // the time from now on that the child has for stopping, and no more than its start limit.
    start_limited_ = true;
    const shutdown how =
        awaited_->how.is_brutal_kill() ? shutdown{default_shutdown} : awaited_->how;
    if (how.is_timed()) {
      const clock::time_point until =
          detail::after(now, std::max(how.time(), clock::duration{1}));
      awaited_until_ = std::min(awaited_until_.value_or(until), until);
    }
  }
  if (!awaited_until_ || *awaited_until_ > now) return;
  awaited_until_.reset();
  awaited_->had_to_be_killed = true;
  emit({.kind = action::kind_type::kill, .subject = awaited_});
}

}  // namespace coppice
