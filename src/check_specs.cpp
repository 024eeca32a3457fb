#include <coppice/child_spec.hpp>
#include <coppice/supervisor.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>

namespace coppice {

namespace {

using std::chrono::steady_clock;

[[noreturn]] void refuse(const std::string& whose, const char* rule) {
  throw std::invalid_argument{"coppice: " + whose + ": " + rule};
}

[[noreturn]] void refuse(const child_spec& spec, const char* rule) {
  refuse("child \"" + spec.id + "\"", rule);
}

std::string supervisor_called(std::string_view name) {
  return "supervisor \"" + std::string{name} + "\"";
}

void check_child(const child_spec& spec, bool named, auto_shutdown mode) {
  if (named && spec.id.empty()) refuse("a child", "its id must not be empty (missing id)");
  if (!spec.start) refuse(spec, "it needs a start function (missing start)");
  if (spec.restart > restart::temporary) refuse(spec, "its restart is none of the three kinds");
  if (spec.type > child_type::supervisor) refuse(spec, "its type is neither worker nor supervisor");
  if (spec.shutdown && spec.shutdown->is_timed() &&
      spec.shutdown->time() < steady_clock::duration::zero()) {
    refuse(spec, "its shutdown time must not be negative");
  }
  if (spec.start_limit && *spec.start_limit <= steady_clock::duration::zero()) {
    refuse(spec, "its start limit must be above zero");
  }
  if (!spec.significant) return;
  if (spec.restart == restart::permanent) {
    refuse(spec, "a permanent child cannot be significant");
  }
  if (mode == auto_shutdown::never) {
    refuse(spec, "a significant child needs a supervisor whose auto_shutdown is not never");
  }
}

void check_intensity(const std::string& whose, const restart_intensity& i) {
  if (i.within <= steady_clock::duration::zero()) {
    refuse(whose, "the period of its intensity must be above zero");
  }
}

}  // namespace

void check_child_specs(std::span<const child_spec> specs, auto_shutdown mode) {
  std::unordered_set<std::string_view> ids;
  for (const child_spec& spec : specs) {
    check_child(spec, true, mode);
    if (spec.start.is_template()) {
      refuse(spec, "a template needs a simple_one_for_one supervisor");
    }
    if (!ids.insert(spec.id).second) refuse(spec, "its id is in use (duplicate id)");
  }
}

void check(const supervisor_spec& spec) {
  const std::string whose = supervisor_called(spec.name);
  const strategy s = spec.strategy;
  if (s > strategy::simple_one_for_one) refuse(whose, "its strategy is none of the four");
  if (spec.auto_shutdown > auto_shutdown::all_significant) {
    refuse(whose, "its auto_shutdown is none of the three modes");
  }
  check_intensity(whose, spec.intensity);
  if (s == strategy::simple_one_for_one) {
    if (spec.children.size() != 1) {
      refuse(whose, "simple_one_for_one needs exactly one child spec, the template");
    }
    if (spec.auto_shutdown != auto_shutdown::never) {
      refuse(whose, "simple_one_for_one cannot shut down automatically");
    }
    check_child(spec.children.front(), true, spec.auto_shutdown);
    return;
  }
  check_child_specs(spec.children, spec.auto_shutdown);
}

void check(const dynamic_supervisor_spec& spec) {
  check_intensity(supervisor_called(spec.name), spec.intensity);
}

namespace detail {

void check_dynamic_child(const child_spec& spec) {
  check_child(spec, false, auto_shutdown::never);
  if (spec.start.is_template()) {
    refuse(spec, "a template needs a simple_one_for_one supervisor");
  }
}

void check_added_child(const child_spec& spec) {
  // Whether its supervisor lets a child be significant is known there only.
  check_child(spec, true, auto_shutdown::any_significant);
  if (spec.start.is_template()) {
    refuse(spec, "a template needs a simple_one_for_one supervisor");
  }
}

}  // namespace detail

}  // namespace coppice
