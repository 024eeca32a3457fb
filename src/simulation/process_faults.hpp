#pragma once

#include "chance/fault_plan.hpp"
#include "chance/random_stream.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/simulation_options.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coppice::detail {

// The faults that befall processes, by their names.
class process_faults {
 public:
  process_faults(std::uint64_t seed, fault_plan& plan, const std::vector<process_fault>& faults);

  struct blow {
    fault_kind kind;
    std::string whom;
    duration delay;
  };
  // Gives the fault of the process in its next step, if there is one.
  std::optional<blow> strike(const process& p);

  // One of the next allocations fails, up to the end of the step.
  void fail_allocation();
  void end_step() noexcept;

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  struct entry {
    process_fault fault;
    fault_plan::kind in_plan;
  };

  fault_plan& plan_;
  random_stream draws_;
  std::vector<entry> entries_;
};

[[nodiscard]] std::string_view to_text(fault_kind k) noexcept;
// Whether that process has such a name, which may end with "*" for all that begin so.
[[nodiscard]] bool has_name(const process& p, std::string_view pattern) noexcept;

}  // namespace coppice::detail
