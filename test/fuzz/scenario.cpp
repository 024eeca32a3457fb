#include "../otp/scenario.hpp"

#include "../otp/player.hpp"
#include "fuzz.hpp"

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

// Any text is either read as scenarios or refused, and what was read is played, or refused. Some
// are played twice, and must go the same way, or with another order of turns.

namespace fuzz {

namespace {

// What is larger is read, but not played: that takes long, and shows nothing new.
constexpr std::size_t most_children = 8;
constexpr std::size_t most_steps = 8;

bool is_small(const ::scenario& s) {
  std::size_t children = 0;
  for (const auto& [name, sup] : s.sups) children += sup.children.size();
  return children <= most_children && s.steps.size() <= most_steps;
}

// The trace, or why there is none.
std::vector<std::string> played(const ::scenario& s, const turn_seeds& seeds = {}) {
  try {
    return play(s, seeds);
  } catch (const std::runtime_error& e) {
    return {e.what()};
  }
}

}  // namespace

void scenario(std::string_view input) {
  std::istringstream text{std::string{input}};
  std::vector<::scenario> all;
  try {
    all = read_scenarios(text);
  } catch (const std::runtime_error&) {
    return;
  }
  require(!all.empty(), "there is a scenario, or an error");
  for (const ::scenario& s : all) {
    if (!is_small(s)) continue;
    const std::vector<std::string> trace = played(s);
    require(!trace.empty(), "a trace has a line for each step, at least");
    switch (input.size() % 4) {
      case 0: require(played(s) == trace, "it goes the same way each time"); break;
      case 1: static_cast<void>(played(s, {{0, 1}, {1, 2}})); break;
      default: break;
    }
  }
}

}  // namespace fuzz
