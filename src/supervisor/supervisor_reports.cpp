#include "supervisor_process.hpp"

#include <coppice/dump.hpp>
#include <coppice/report.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace coppice::detail {

namespace {

next_step to_step(supervision::action::next_type n) noexcept {
  switch (n) {
    case supervision::action::next_type::none: break;
    case supervision::action::next_type::restart: return next_step::restart;
    case supervision::action::next_type::give_up: return next_step::give_up;
    case supervision::action::next_type::shut_down: return next_step::shut_down;
    case supervision::action::next_type::drop: return next_step::drop;
    case supervision::action::next_type::park: return next_step::park;
  }
  return next_step::none;
}

}  // namespace

std::string_view supervisor_process::own_name() const noexcept {
  return self_.extras->name.empty() ? self_.label() : std::string_view{self_.extras->name};
}

child_info info_of(const child_spec& spec) noexcept {
  return {.id = spec.id,
          .restart = spec.restart,
          .significant = spec.significant,
          .shutdown = shutdown_of(spec),
          .type = spec.type};
}

child_info supervisor_process::describe(const entry& c) const noexcept {
  return {.supervisor = own_name(),
          .supervisor_id = self_.id(),
          .id = c.id,
          .process = c.process,
          .restarts = c.restarts,
          .restart = c.when,
          .significant = c.significant,
          .shutdown = c.how,
          .type = c.type};
}

child_info supervisor_process::describe(const child_spec& spec) const noexcept {
  child_info info = info_of(spec);
  info.supervisor = own_name();
  info.supervisor_id = self_.id();
  return info;
}

void supervisor_process::report_on(supervision::action& a) {
  using kind = supervision::action::kind_type;
  const auto& c = static_cast<const entry&>(*a.subject);
  switch (a.kind) {
    case kind::failed_to_start:
      home_.tell(child_start_failed{describe(c), a.reason, to_step(a.next), a.pause});
      break;
    case kind::has_ended:
      home_.tell(child_ended{describe(c), a.reason, to_step(a.next), a.pause});
      break;
    // While all dynamic children are being stopped, their bad ends are collected and told at the
    // end.
    case kind::stopped_badly:
      if (setup_.options.dynamic && decide_.shutting_down()) {
        note_bad_stop(c, a.reason);
        break;
      }
      home_.tell(child_stop_failed{describe(c), a.reason, c.had_to_be_killed,
                                   c.terms ? std::string_view{c.terms->waited} : ""});
      break;
    case kind::exhausted: {
      const restart_limit* const own = c.policy != nullptr ? c.policy->spent_limit() : nullptr;
      home_.tell(budget_exhausted{describe(c),
                                  own != nullptr ? own->intensity : setup_.options.intensity,
                                  own != nullptr ? own->period : setup_.options.period});
      break;
    }
    case kind::held_back: home_.tell(child_held_back{describe(c), awaited_by(c)}); break;
    case kind::recovered: home_.tell(child_recovered{describe(c)}); break;
    default: break;
  }
}

// OTP reports the children of a simple_one_for_one supervisor this way, one report for each reason:
// ten thousand that hang make one report. Children of different policies are kept apart, since the
// report tells the policy.
void supervisor_process::note_bad_stop(const entry& c, const exit_reason& reason) {
  way_of_stopping way{(c.had_to_be_killed ? "late " : "") + reason.to_string(), c.how.is_infinity(),
                      c.how.is_timed(), c.how.time(), c.when, c.type};
  ++bad_stops_.try_emplace(std::move(way), describe(c), reason, c.had_to_be_killed)
        .first->second.count;
}

void supervisor_process::report_bad_stops() {
  for (auto& [way, b] : bad_stops_) {
    b.child.supervisor = own_name();
    b.child.id = {};
    // A single child is reported like any other, with its pid and its count of restarts.
    if (b.count == 1) {
      home_.tell(child_stop_failed{b.child, b.reason, b.had_to_be_killed});
      continue;
    }
    b.child.process = {};
    b.child.restarts = 0;
    home_.tell(children_stop_failed{b.child, b.reason, b.had_to_be_killed, b.count});
  }
}

// The time of a child is over, and it is about to be killed: this is the last moment at which can
// be seen what it waited for.
void supervisor_process::end_late(entry& c) {
  const auto seen = process_state_of(c.process);
  if (!seen) return;
  if (!c.terms) c.terms = std::make_unique<entry_terms>();
  c.terms->waited = seen->waits_for;
  // Of an operation of Asio's it is only known who awaits it.
  if (c.terms->waited.empty() && !seen->stack.empty()) c.terms->waited = seen->stack.front();
  if (!decide_.shutting_down()) return;
  std::string who = c.id.empty() ? c.process.to_string() : c.id + ' ' + c.process.to_string();
  if (!c.terms->waited.empty()) who += " (waited for " + c.terms->waited + ')';
  killed_.push_back(std::move(who));
}

// Hands the list of those that had to be killed upwards.
void supervisor_process::tell_killed() {
  process* const up = self_.parent();
  supervisor_process* const above = up != nullptr ? of(*up) : nullptr;
  if (above == nullptr) return;
  for (const std::string& who : killed_) {
    above->killed_.push_back(std::string{own_name()} + '/' + who);
  }
}

// A restart of a group first waits for its siblings to stop. If that may take longer than the
// restart window lasts, earlier restarts are forgotten before the next one, and the budget never
// runs out.
void supervisor_process::warn_about(const supervisor_setup& setup) {
  const auto& o = setup.options;
  if (o.dynamic || o.strategy == strategy::one_for_one || setup.children.size() < 2) return;
  for (const child_spec& spec : setup.children) {
    const shutdown how = spec.shutdown.value_or(shutdown{std::chrono::seconds{5}});
    const bool endless = how.is_infinity() && spec.type == child_type::worker;
    if (!endless && !(how.is_timed() && how.time() > o.period)) continue;
    home_.tell(spec_warning{own_name(),
                            "child \"" + spec.id +
                                "\" may take longer to stop than the restart window lasts, so that "
                                "the budget may never run out"});
  }
}

}  // namespace coppice::detail
