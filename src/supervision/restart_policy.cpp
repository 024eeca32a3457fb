#include <coppice/detail/supervision/restart_policy.hpp>

#include <coppice/detail/supervision/child_table.hpp>

// A child on probation is a circuit breaker that is half open: its first failure parks it again,
// and a run of some length closes the breaker.

namespace coppice::detail {

namespace {

restart_window window_of(const restart_limit& l) noexcept {
  return restart_window{{l.intensity, l.period}};
}

}  // namespace

restart_policy::restart_policy(supervised_child& of, const restart_terms& t)
    : timer_node{nullptr}, of_{of}, closed_gates_{t.gates} {
  if (t.backoff != nullptr) delay_.emplace(of.id, *t.backoff);
  if (t.limit != nullptr) {
    limit_ = *t.limit;
    window_ = window_of(*limit_);
  }
}

// Who has no terms for its restarts, but only gates, is restarted by the rules of OTP.
bool restart_policy::counts() const noexcept {
  return (!delay_ && !limit_) || (delay_ && delay_->counts()) || (limit_ && limit_->counts);
}

void restart_policy::begin_start(time_point now, bool asked_for) {
  since_ = now;
  stop_waiting();
  on_probation_ = !asked_for && (on_probation_ || parked_);
  parked_ = false;
  if (asked_for && limit_) window_ = window_of(*limit_);
}

restart_policy::decision restart_policy::after_run(time_point now) {
  return decide(now, now - since_);
}

restart_policy::decision restart_policy::after_failed_start(time_point now) {
  return decide(now, std::nullopt);
}

restart_policy::decision restart_policy::decide(time_point now, std::optional<duration> run) {
  pause_ = {};
  if (limit_) {
    if (on_probation_ && run && *run >= limit_->period) recover();
    if (on_probation_ || !window_->record(now)) {
      switch (limit_->then) {
        case when_spent::escalate: escalated_ = true; return {verdict::escalate};
        case when_spent::drop: return {verdict::drop};
        case when_spent::park:
          parked_ = true;
          on_probation_ = false;
          pause_ = limit_->probe_after.time();
          return {verdict::park, pause_};
      }
    }
  }
  if (delay_) pause_ = run ? delay_->after_run(*run) : delay_->after_failed_start();
  return {verdict::restart, pause_};
}

time_point restart_policy::end_of_probation() const noexcept {
  return after(since_, limit_->period);
}

void restart_policy::recover() noexcept {
  on_probation_ = false;
  window_ = window_of(*limit_);
}

}  // namespace coppice::detail
