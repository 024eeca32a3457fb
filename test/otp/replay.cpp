// replay FILE...: plays OTP scenarios on coppice. A corpus is compared with the traces it holds,
// and every difference is named with its first differing line; the trace of a single scenario is
// printed. "-" is standard input. Exits with 0 only if all agree.

#include "player.hpp"
#include "scenario.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// How many orders of turns are tried in a step that differs.
constexpr unsigned orders = 4000;

std::size_t first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

// The number of the step to which that line belongs.
std::size_t step_of(const std::vector<std::string>& trace, std::size_t line) {
  const auto end = trace.begin() + static_cast<std::ptrdiff_t>(std::min(line + 1, trace.size()));
  const auto steps =
      std::count_if(trace.begin(), end, [](const std::string& l) { return l.starts_with("> "); });
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(steps, 1) - 1);
}

enum class verdict { agrees, agrees_in_another_order, differs };

// Two supervisors at work at the same time take turns as the runtime pleases. If the trace is
// another with coppice's turns, there must be an order of turns with which it is the same.
verdict compare(const scenario& s) {
  const auto play_with = [&s](const turn_seeds& seeds) { return play(s, seeds); };
  const std::vector<std::string> seen = play_with({});
  if (seen == s.trace) return verdict::agrees;
  const std::size_t first = first_difference(seen, s.trace);
  turn_seeds seeds;
  for (std::size_t at = first;;) {
    const std::size_t step = step_of(s.trace, at);
    bool better = false;
    for (unsigned seed = 1; seed <= orders && !better; ++seed) {
      seeds[step] = seed;
      const std::vector<std::string> other = play_with(seeds);
      if (other == s.trace) return verdict::agrees_in_another_order;
      const std::size_t difference = first_difference(other, s.trace);
      better = step_of(s.trace, difference) > step;
      if (better) at = difference;
    }
    if (!better) break;
  }
  const auto line = [first](const std::vector<std::string>& trace) {
    return first < trace.size() ? trace[first] : "(end)";
  };
  std::cout << s.name << ": line " << first + 1 << ": coppice: " << line(seen)
            << " | OTP: " << line(s.trace) << '\n';
  return verdict::differs;
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> files(argv + 1, argv + argc);
  if (files.empty()) files.emplace_back("-");
  std::size_t agree = 0;
  std::size_t in_another_order = 0;
  std::size_t differ = 0;
  for (const std::string& file : files) {
    std::ifstream opened;
    if (file != "-") {
      opened.open(file);
      if (!opened) throw std::runtime_error{"cannot read " + file};
    }
    for (const scenario& s : read_scenarios(file == "-" ? std::cin : opened)) {
      if (s.trace.empty()) {
        for (const std::string& line : play(s)) std::cout << line << '\n';
        ++agree;
        continue;
      }
      const verdict v = compare(s);
      ++(v == verdict::differs ? differ : agree);
      if (v == verdict::agrees_in_another_order) ++in_another_order;
    }
  }
  if (in_another_order > 0) {
    std::cout << in_another_order << " of them with another order of turns\n";
  }
  std::cout << agree << " agree, " << differ << " differ\n";
  return differ == 0 ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "replay: " << e.what() << '\n';
  return 2;
}
