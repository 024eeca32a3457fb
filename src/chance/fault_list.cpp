#include "fault_list.hpp"

#include <algorithm>
#include <cstddef>

namespace coppice::detail {

namespace {

constexpr int most_plays = 300;

}  // namespace

// Delta debugging: leaves out halves, then quarters, and so on.
std::vector<fault_occurrence> shrink(
    std::vector<fault_occurrence> faults,
    const std::function<bool(const std::vector<fault_occurrence>&)>& fails) {
  int plays = 0;
  const auto still_fails = [&](const std::vector<fault_occurrence>& some) {
    return ++plays <= most_plays && fails(some);
  };
  if (still_fails({})) return {};
  for (std::size_t part = (faults.size() + 1) / 2; part > 0;) {
    bool smaller = false;
    for (std::size_t from = 0; from < faults.size();) {
      std::vector<fault_occurrence> rest = faults;
      const auto begin = rest.begin() + static_cast<std::ptrdiff_t>(from);
      rest.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(part, rest.size() - from)));
      if (!rest.empty() && still_fails(rest)) {
        faults = std::move(rest);
        smaller = true;
      } else {
        from += part;
      }
    }
    if (!smaller || part > faults.size()) part /= 2;
  }
  return faults;
}

}  // namespace coppice::detail
