#include "process_faults.hpp"

#include "replaced_functions/failing_allocation.hpp"

#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/behaviour.hpp>

namespace coppice::detail {

namespace {

std::string_view name_of(const process& p) noexcept {
  if (p.extras && !p.extras->name.empty()) return p.extras->name;
  return p.label();
}

bool is_supervisor(const process& p) noexcept {
  return p.behaviour() != nullptr && p.behaviour()->kind() == "supervisor";
}

}  // namespace

bool has_name(const process& p, std::string_view pattern) noexcept {
  const std::string_view name = name_of(p);
  if (!pattern.ends_with('*')) return name == pattern;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::string_view to_text(fault_kind k) noexcept {
  switch (k) {
    case fault_kind::crash: return "crash";
    case fault_kind::kill: return "kill";
    case fault_kind::hang: return "hang";
    case fault_kind::late: return "late";
    case fault_kind::no_memory: return "no_memory";
  }
  return "";
}

process_faults::process_faults(std::uint64_t seed, fault_plan& plan,
                               const std::vector<process_fault>& faults)
    : plan_{plan}, draws_{seed, "process faults"} {
  for (const process_fault& f : faults) {
    entries_.push_back({f, plan.add(std::string{to_text(f.kind)} + ':' + f.process, f.chance)});
    // Which allocation fails must not depend on what was freed before the play.
    if (f.kind == fault_kind::no_memory) keep_no_blocks();
  }
}

std::optional<process_faults::blow> process_faults::strike(const process& p) {
  for (const entry& e : entries_) {
    const bool meant =
        e.fault.process == "*" ? !is_supervisor(p) : has_name(p, e.fault.process);
    if (!meant || !plan_.happens(e.in_plan)) continue;
    return blow{e.fault.kind, std::string{name_of(p)},
                draws_.between(std::chrono::microseconds{1}, e.fault.delay)};
  }
  return std::nullopt;
}

void process_faults::fail_allocation() { failing_allocation::arm(1 + draws_.below(8)); }

void process_faults::end_step() noexcept { failing_allocation::disarm(); }

}  // namespace coppice::detail
