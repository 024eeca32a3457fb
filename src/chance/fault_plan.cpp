#include "fault_plan.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

fault_plan::fault_plan(std::uint64_t seed, std::optional<std::vector<fault_occurrence>> only)
    : seed_{seed}, only_{std::move(only)} {}

fault_plan::kind fault_plan::add(std::string name, double chance) {
  entry e{std::move(name), chance, random_stream{seed_, ""}};
  e.draws = random_stream{seed_, e.name};
  if (only_) {
    for (const fault_occurrence& f : *only_) {
      if (f.kind == e.name) e.listed.push_back(f.opportunity);
    }
  }
  kinds_.push_back(std::move(e));
  return kinds_.size() - 1;
}

bool fault_plan::happens(kind k) {
  entry& e = kinds_[k];
  if (over_) return false;
  const std::uint64_t now = ++e.opportunities;
  const bool does = only_ ? std::find(e.listed.begin(), e.listed.end(), now) != e.listed.end()
                          : e.chance > 0 && e.draws.chance(e.chance);
  if (does) occurred_.push_back({e.name, now});
  return does;
}

std::string to_text(const std::vector<fault_occurrence>& faults) {
  std::string text;
  for (const fault_occurrence& f : faults) {
    if (!text.empty()) text += ',';
    text += f.kind + '#' + std::to_string(f.opportunity);
  }
  return text;
}

std::vector<fault_occurrence> to_faults(std::string_view text) {
  std::vector<fault_occurrence> faults;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t mark = one.rfind('#');
    std::uint64_t number = 0;
    const char* const end = one.data() + one.size();
    if (mark == std::string_view::npos || mark == 0 ||
        std::from_chars(one.data() + mark + 1, end, number).ptr != end || mark + 1 == one.size()) {
      throw std::invalid_argument{"coppice: a list of faults is KIND#NUMBER,…, which \"" +
                                  std::string{one} + "\" is not"};
    }
    faults.push_back({std::string{one.substr(0, mark)}, number});
  }
  return faults;
}

}  // namespace coppice::detail
