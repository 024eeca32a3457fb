#include <coppice/supervision.hpp>

#include <cassert>
#include <utility>

namespace coppice {

namespace {

bool wants_restart(const supervision::child& c, const exit_reason& why) noexcept {
  return c.when == restart::permanent || (c.when == restart::transient && why.is_abnormal());
}

}  // namespace

// Decides what follows from the end of a child by itself. A restart is recorded in the window.
supervision::action::next_type supervision::consequence_of(const child& c, const exit_reason& why,
                                                           clock::time_point now) {
  if (wants_restart(c, why)) {
    return window_.record(now) ? action::next_type::restart : action::next_type::give_up;
  }
  const bool automatic =
      c.significant &&
      (options_.automatic == auto_shutdown::any_significant ||
       (options_.automatic == auto_shutdown::all_significant && children_.active_significant() == 1));
  return automatic ? action::next_type::shut_down : action::next_type::none;
}

bool supervision::restarts_now(child& c, const exit_reason& reason, clock::time_point now) {
  if (!is_idle() || !restarts_alone() || c.state != child_state::running) return false;
  if (consequence_of(c, reason, now) != action::next_type::restart) return false;
  job_.kind = job_kind::restart_one;
  job_.subject = &c;
  begin_start(c, now);
  return true;
}

void supervision::handle_exit(child& c, clock::time_point now) {
  c.ended = false;
  const exit_reason why = std::exchange(c.reason, {});
  const action::next_type next = consequence_of(c, why, now);
  set_state(c, child_state::stopped);
  emit_report(action::kind_type::has_ended, c, why, next);
  switch (next) {
    case action::next_type::restart: begin_restart(c); break;
    case action::next_type::give_up: give_up(c); break;
    case action::next_type::shut_down:
    case action::next_type::none:
      if (c.when == restart::temporary || options_.dynamic) forget(c);
      if (next == action::next_type::shut_down) {
        begin_shut_down(exit_reason::shutdown(), cause::automatic);
      }
      break;
  }
}

// Every attempt is charged to the budget, also one that repeats a failed one.
void supervision::handle_retry(child& c, clock::time_point now) {
  if (window_.record(now)) {
    begin_restart(c);
  } else {
    give_up(c);
  }
}

void supervision::begin_restart(child& c) {
  if (restarts_alone()) {
    begin({.kind = job_kind::restart_one, .subject = &c});
  } else {
    begin_group(c);
  }
}

void supervision::give_up(child& c) {
  emit_report(action::kind_type::exhausted, c);
  set_state(c, child_state::stopped);
  begin_shut_down(exit_reason::shutdown(), cause::gave_up);
}

// The siblings that are restarted with a child, its group, reach from this one to the last. They are
// stopped in reverse order, and started in order.
supervision::child& supervision::first_of_group(child& c) noexcept {
  switch (options_.strategy) {
    case strategy::one_for_all: return *children_.first();  // all of them
    case strategy::rest_for_one: return c;        // itself, and those that were started after it
    case strategy::one_for_one:
    case strategy::simple_one_for_one: break;  // itself, which `begin_restart` sees to
  }
  assert(false);
  return c;
}

void supervision::begin_group(child& c) {
  set_state(c, child_state::stopped);
  begin({.kind = job_kind::stop_group, .subject = &c, .cursor = children_.last()});
}

}  // namespace coppice
