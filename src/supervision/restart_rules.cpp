#include <coppice/detail/supervision/supervision.hpp>

#include <cassert>
#include <new>
#include <optional>
#include <utility>

// This file holds the restart rules, for the end of a child that nobody asked to end. A child is
// restarted if its restart type says so and the budget allows it; the strategy says which siblings
// go along. The rule is written once, in `otp_consequence_of`: both the usual way, an exit that is
// taken from the inbox (`handle_exit`), and the short one (`follows_now`) ask it. Terms that the
// child has beyond OTP's come before it (`consequence_of`).

namespace coppice::detail {

namespace {

// OTP: do_restart/3. A permanent child is restarted however it ended, a transient one only after an
// abnormal end (not normal, shutdown or {shutdown, Note}), a temporary one never.
bool wants_restart(const supervision::child& c, const exit_reason& why) noexcept {
  return c.when == restart::permanent || (c.when == restart::transient && why.is_abnormal());
}

}  // namespace

// OTP: del_child/2. A temporary or a dynamic child is gone from the table when it has ended for
// good; the spec of any other stays, for restart_child.
bool supervision::is_forgotten(const child& c) const noexcept {
  return c.when == restart::temporary || options_.dynamic;
}

// OTP: do_auto_shutdown/2. A significant child ends its supervisor only by an end that does not
// restart it. The count is 1, and not 0, when the last significant child ends, since that child
// is still counted.
bool supervision::ends_supervisor(const child& c) const noexcept {
  return c.significant && (options_.automatic == auto_shutdown::any_significant ||
                           (options_.automatic == auto_shutdown::all_significant &&
                            children_.active_significant() == 1));
}

// Decides what follows from the end of a child by itself. A restart is recorded in the window;
// any other answer changes nothing. The child still counts as active here.
supervision::action::next_type supervision::otp_consequence_of(const child& c,
                                                               const exit_reason& why,
                                                               clock::time_point now) {
  using next = action::next_type;
  if (wants_restart(c, why)) return window_.record(now) ? next::restart : next::give_up;
  return ends_supervisor(c) ? next::shut_down : next::none;
}

// The same by the terms of the child.
supervision::consequence supervision::consequence_of(const child& c, const exit_reason& why,
                                                     clock::time_point now) {
  using next = action::next_type;
  if (c.policy == nullptr || !wants_restart(c, why)) return {otp_consequence_of(c, why, now)};
  const restart_policy::decision own = c.policy->after_run(now);
  switch (own.what) {
    case restart_policy::verdict::restart: break;
    case restart_policy::verdict::escalate: return {next::give_up};
    case restart_policy::verdict::drop: return {ends_supervisor(c) ? next::shut_down : next::drop};
    case restart_policy::verdict::park: return {next::park, own.pause};
  }
  if (c.policy->counts() && !window_.record(now)) return {next::give_up};
  return {next::restart, own.pause};
}

// The short way may be taken only if the usual one would do the same: nothing else is under way or
// waits, no sibling has to be stopped first, and the supervisor goes on.
std::optional<supervision::action::next_type> supervision::follows_now(const child& c,
                                                                       const exit_reason& reason,
                                                                       clock::time_point now) {
  if (!is_idle() || !restarts_alone() || c.state != child_state::running || c.policy != nullptr) {
    return std::nullopt;
  }
  // The end of a pause has its turn as well.
  if (!pauses_.empty() && pauses_.earliest() <= now) return std::nullopt;
  action::next_type next;
  try {
    next = otp_consequence_of(c, reason, now);
  } catch (const std::bad_alloc&) {
    return std::nullopt;  // nothing has been recorded
  }
  // The other two have changed nothing yet: the usual way finds them again.
  if (next != action::next_type::restart && next != action::next_type::none) return std::nullopt;
  return next;
}

// The child was running when it ended and runs again: its state stays what it was.
void supervision::restarted(child& c, std::uint64_t number) {
  children_.set_number(c, number);
  c.by_request = false;
  ++c.restarts;
}

void supervision::restart_begun(child& c, clock::time_point now) {
  begin({.kind = job_kind::restart_one, .subject = &c});
  begin_start(c, now);
}

bool supervision::stays_down(child& c) {
  set_state(c, child_state::stopped);
  if (!is_forgotten(c)) return false;
  children_.remove(c);
  return true;
}

void supervision::handle_exit(child& c, clock::time_point now) {
  c.ended = false;
  const exit_reason why = std::exchange(c.reason, {});
  end_probation(c);
  // The rule comes before the change of state: it counts the significant children that are active.
  const auto [next, pause] = consequence_of(c, why, now);
  set_state(c, child_state::stopped);
  emit_report(action::kind_type::has_ended, c, why, next, pause);
  switch (next) {
    case action::next_type::restart:
      if (pause == clock::duration::zero()) {
        begin_restart(c);
        break;
      }
      [[fallthrough]];
    case action::next_type::park: restart_after(c, pause, now); break;
    case action::next_type::give_up: give_up(c); break;
    case action::next_type::shut_down:
    case action::next_type::drop:
    case action::next_type::none:
      if (is_forgotten(c)) forget(c);
      if (next == action::next_type::shut_down) {
        begin_shut_down(exit_reason::shutdown(), cause::automatic);
      }
      break;
  }
}

// OTP: handle_cast({try_again_restart, Id}). Every attempt is charged to the budget, also one that
// repeats a failed one: that is what ends a loop of failing starts.
void supervision::handle_retry(child& c, clock::time_point now) {
  if (c.policy != nullptr && c.policy->is_due()) {
    // A child that was held back starts alone: nobody has gone down with it.
    if (c.policy->is_held_back()) {
      begin({.kind = job_kind::restart_one, .subject = &c});
    } else {
      begin_restart(c);
    }
    c.policy->stop_waiting();
  } else if ((c.policy == nullptr || c.policy->counts()) && !window_.record(now)) {
    give_up(c);
  } else if (c.policy != nullptr && c.policy->pause() > clock::duration::zero()) {
    begin_pause(c, c.policy->pause(), now);
  } else {
    begin_restart(c);
  }
}

// The siblings that are restarted with a child are stopped as soon as it has ended, since they may
// need it, and start with it when the pause is over.
void supervision::restart_after(child& c, clock::duration pause, clock::time_point now) {
  if (restarts_alone()) {
    begin_pause(c, pause, now);
  } else {
    begin_group(c);
    job_.pause = pause;
  }
}

void supervision::begin_pause(child& c, clock::duration pause, clock::time_point now) {
  set_state(c, child_state::restarting);
  if (pause != clock::duration::max()) pauses_.set(*c.policy, after(now, pause));
}

void supervision::end_pauses(clock::time_point now) {
  while (!pauses_.empty() && pauses_.earliest() <= now) {
    auto& policy = static_cast<restart_policy&>(pauses_.pop());
    child& c = policy.child();
    if (!policy.is_on_probation()) {
      start_when_its_turn_comes(c);
    } else if (c.state == child_state::running && !c.ended) {
      policy.recover();
      emit_report(action::kind_type::recovered, c);
    }
  }
}

// The child has waited for long enough: its pause is over, or its gates are open.
void supervision::start_when_its_turn_comes(child& c) {
  c.policy->set_due();
  enqueue_own(c, event_type::retry);
}

// The child runs no longer on which the end of a probation depends.
void supervision::end_probation(child& c) noexcept {
  if (c.policy != nullptr && c.policy->armed()) pauses_.cancel(*c.policy);
}

void supervision::gate_opened(child& c) {
  c.policy->open_gate();
  const restart_policy& p = *c.policy;
  if (p.is_held_back() && !p.is_gated() && !p.is_due()) start_when_its_turn_comes(c);
}

// A start that is due and has not begun is held back again when its turn comes.
void supervision::gate_closed(child& c) { c.policy->close_gate(); }

void supervision::begin_restart(child& c) {
  if (restarts_alone()) {
    begin({.kind = job_kind::restart_one, .subject = &c});
  } else {
    begin_group(c);
  }
}

// OTP: restart/2 when add_restart/1 says no. The supervisor stops its other children and ends with
// `shutdown`; its own supervisor then applies its rules to that.
void supervision::give_up(child& c) {
  emit_report(action::kind_type::exhausted, c);
  set_state(c, child_state::stopped);
  begin_shut_down(exit_reason::shutdown(), cause::gave_up);
}

// OTP: restart/3, one clause per strategy. The siblings that are restarted together with a child
// are its group, which reaches from this child to the last one. A group is stopped in reverse start
// order and started in start order. The child that caused the restart is never temporary, so it
// stays in the table while its group is stopped.
supervision::child& supervision::first_of_group(child& c) noexcept {
  switch (options_.strategy) {
    case strategy::one_for_all: return *children_.first();  // all children
    case strategy::rest_for_one: return c;        // the child, and those that were started after it
    case strategy::one_for_one:
    case strategy::simple_one_for_one: break;  // the child alone: `begin_restart` makes no group
  }
  assert(false);
  return c;
}

// The child may have been `restarting` until now: it is down, and is started with the others.
void supervision::begin_group(child& c) {
  set_state(c, child_state::stopped);
  begin({.kind = job_kind::stop_group, .subject = &c, .cursor = children_.last()});
}

}  // namespace coppice::detail
