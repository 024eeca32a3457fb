#include <coppice/child_spec.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/supervisor/refused_child.hpp>
#include <coppice/supervisor.hpp>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

// A spec is checked where it is given, before anything has started: a supervisor that finds a fault
// in its own children could only fail, and its user would read of that in a report. Each text names
// the supervisor, the child and the rule that is broken. OTP: check_startspec/2, check_flags/1.

namespace coppice {

namespace {

using detail::access;
using std::chrono::steady_clock;

constexpr std::string_view prefix = "coppice: ";

// The body of a child whose own spec breaks a rule (see refused_child.hpp). The text waits here
// until the spec is given to a supervisor; the body itself is never run.
class refused_body final : public detail::body {
 public:
  explicit refused_body(std::string_view why) : body{refused_t{}}, why_{why} {}
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  [[noreturn]] void launch(detail::process&) override { std::terminate(); }

  const std::string why_;
};

[[noreturn]] void refuse(const std::string& whose, std::string_view rule) {
  throw std::invalid_argument{std::string{prefix} + whose + ": " + std::string{rule}};
}

std::string supervisor_called(std::string_view name) {
  return "supervisor \"" + std::string{name} + "\"";
}

// The place of a child spec, as the text of an error names it.
struct place {
  std::string_view supervisor{};  // empty if it is not known, or has no name
  std::size_t number = 0;         // among the children, from 1 on
};

[[noreturn]] void refuse(const place& at, const std::string& child, std::string_view rule) {
  refuse(at.supervisor.empty() ? child : supervisor_called(at.supervisor) + ": " + child, rule);
}

[[noreturn]] void refuse(const place& at, const child_spec& spec, std::string_view rule) {
  const std::string number = std::to_string(at.number);
  refuse(at,
         !spec.id.empty() ? "child \"" + spec.id + "\""
         : at.number > 0  ? "child number " + number
                          : std::string{"a child"},
         rule);
}

// Refuses a child with the text that its maker has left. The text begins with the maker's own name
// for the child, such as `supervisor "x"`. If the id is part of that name, the name takes the place
// of the usual `child "x"`; otherwise the whole text follows the usual one.
[[noreturn]] void refuse_refused(const place& at, const child_spec& spec) {
  const std::string& why = static_cast<const refused_body&>(*access::get_body(spec.start)).why();
  const std::size_t end = why.find(": ");
  const std::string whose = why.substr(0, end);
  if (end == std::string::npos || whose.find('"' + spec.id + '"') == std::string::npos) {
    refuse(at, spec, why);
  }
  refuse(at, whose, why.substr(end + 2));
}

void check_backoff(const place& at, const child_spec& spec, const restart_backoff& b) {
  constexpr auto zero = steady_clock::duration::zero();
  if (b.min <= zero) refuse(at, spec, "the min of its backoff must be above zero");
  if (b.max < b.min) refuse(at, spec, "the max of its backoff must not be below min");
  // Written so that what is not a number is refused too.
  if (!(b.factor >= 1)) refuse(at, spec, "the factor of its backoff must be at least 1");
  if (!(b.jitter >= 0 && b.jitter <= 1)) {
    refuse(at, spec, "the jitter of its backoff must be from 0 to 1");
  }
  if (b.reset_after && *b.reset_after <= zero) {
    refuse(at, spec, "the reset_after of its backoff must be above zero");
  }
}

void check_limit(const place& at, const child_spec& spec, const restart_limit& l) {
  constexpr auto zero = steady_clock::duration::zero();
  if (l.period <= zero) refuse(at, spec, "the period of its restart limit must be above zero");
  if (l.then > when_spent::park) {
    refuse(at, spec, "its restart limit neither escalates nor drops nor parks");
  }
  if (l.probe_after.time() <= zero) {
    refuse(at, spec, "the probe_after of its restart limit must be above zero");
  }
}

void check_gates(const place& at, const child_spec& spec, const std::vector<start_gate>& gates) {
  for (const start_gate& g : gates) {
    if (g.name().empty()) refuse(at, spec, "the name that it waits for must not be empty");
    if (g.name() == spec.id) refuse(at, spec, "it must not wait for itself before it is started");
  }
}

// These rules are for terms that OTP does not know.
void check_terms(const place& at, const child_spec& spec) {
  if (spec.progress_limit.time() <= steady_clock::duration::zero()) {
    refuse(at, spec, "its progress limit must be above zero");
  }
  if (!spec.progress_limit.is_infinity() && spec.type == child_type::supervisor) {
    refuse(at, spec, "a supervisor waits for its children, and has no progress limit");
  }
  if (spec.drain.time() < steady_clock::duration::zero()) {
    refuse(at, spec, "the time in which it drains must not be negative");
  }
  if (spec.backoff) check_backoff(at, spec, *spec.backoff);
  if (spec.restart_limit) check_limit(at, spec, *spec.restart_limit);
  if (spec.gates) check_gates(at, spec, *spec.gates);
}

void check_child(const place& at, const child_spec& spec, bool named, auto_shutdown mode) {
  if (spec.start && !access::is_template(spec.start) &&
      access::get_body(spec.start)->is_refused()) {
    refuse_refused(at, spec);
  }
  // Dynamic children need no id: nothing finds them by it.
  if (named && spec.id.empty()) refuse(at, spec, "its id must not be empty (missing id)");
  if (!spec.start) refuse(at, spec, "it needs a start function (missing start)");
  if (spec.restart > restart::temporary) refuse(at, spec, "its restart is none of the three kinds");
  if (spec.type > child_type::supervisor)
    refuse(at, spec, "its type is neither worker nor supervisor");
  if (spec.shutdown && spec.shutdown->is_timed() &&
      spec.shutdown->time() < steady_clock::duration::zero()) {
    refuse(at, spec, "its shutdown time must not be negative");
  }
  if (spec.start_limit.time() <= steady_clock::duration::zero()) {
    refuse(at, spec, "its start limit must be above zero");
  }
  if (access::has_terms(spec)) check_terms(at, spec);
  // Both rules are OTP's: a permanent child is always restarted, so its end could shut nothing
  // down.
  if (!spec.significant) return;
  if (spec.restart == restart::permanent) {
    refuse(at, spec, "a permanent child cannot be significant");
  }
  if (mode == auto_shutdown::never) {
    refuse(at, spec, "a significant child needs a supervisor whose auto_shutdown is not never");
  }
}

void check_period(const std::string& whose, steady_clock::duration period) {
  if (period <= steady_clock::duration::zero()) refuse(whose, "its period must be above zero");
}

void refuse_template(const place& at, const child_spec& spec) {
  if (!access::is_template(spec.start)) return;
  refuse(at, spec, "a template needs a simple_one_for_one supervisor");
}

void check_children(place at, std::span<const child_spec> specs, auto_shutdown mode) {
  std::unordered_set<std::string_view> ids;
  ids.reserve(specs.size());
  for (const child_spec& spec : specs) {
    ++at.number;
    check_child(at, spec, true, mode);
    refuse_template(at, spec);
    if (!ids.insert(spec.id).second) refuse(at, spec, "its id is in use (duplicate id)");
  }
}

}  // namespace

void check_child_specs(std::span<const child_spec> specs, auto_shutdown mode) {
  check_children({}, specs, mode);
}

void check(const supervisor_spec& spec) {
  const std::string whose = supervisor_called(spec.name);
  const strategy s = spec.strategy;
  if (s > strategy::simple_one_for_one) refuse(whose, "its strategy is none of the four");
  if (spec.auto_shutdown > auto_shutdown::all_significant) {
    refuse(whose, "its auto_shutdown is none of the three modes");
  }
  check_period(whose, spec.period);
  if (s == strategy::simple_one_for_one) {
    if (spec.children.size() != 1) {
      refuse(whose, "simple_one_for_one needs exactly one child spec, the template");
    }
    if (spec.auto_shutdown != auto_shutdown::never) {
      refuse(whose, "simple_one_for_one cannot shut down automatically");
    }
    check_child({spec.name, 1}, spec.children.front(), true, spec.auto_shutdown);
    return;
  }
  check_children({spec.name}, spec.children, spec.auto_shutdown);
}

void check(const dynamic_supervisor_spec& spec) {
  check_period(supervisor_called(spec.name), spec.period);
}

namespace detail {

void check_dynamic_child(const child_spec& spec) {
  static constexpr place unknown{};
  check_child(unknown, spec, false, auto_shutdown::never);
  refuse_template(unknown, spec);
}

void check_added_child(const child_spec& spec) {
  // Only the supervisor knows its auto_shutdown, and checks that rule itself; any mode passes here.
  check_child({}, spec, true, auto_shutdown::any_significant);
  refuse_template({}, spec);
}

child_spec refused_child(std::string id, const std::invalid_argument& why) {
  std::string_view text = why.what();
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return {.id = std::move(id),
          .start = access::make<start_function>(body_ptr{new refused_body{text}})};
}

}  // namespace detail

}  // namespace coppice
