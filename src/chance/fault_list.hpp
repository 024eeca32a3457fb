#pragma once

#include "fault_plan.hpp"

#include <functional>
#include <vector>

namespace coppice::detail {

// Gives a part of the faults with which it still fails, and from which none can be left out; or all
// of them, if that is not found in a few hundred plays. The function tells whether it fails with
// such a part.
[[nodiscard]] std::vector<fault_occurrence> shrink(
    std::vector<fault_occurrence> faults,
    const std::function<bool(const std::vector<fault_occurrence>&)>& fails);

}  // namespace coppice::detail
