// replay FILE…: plays OTP scenarios on coppice. A corpus is compared with the traces it holds, and every
// difference is named with its first differing line; the trace of a single scenario is printed. "-" is
// standard input. Exits with 0 only if all agree.

#include "player.hpp"
#include "scenario.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

// True if they agree.
bool compare(const scenario& s, const std::vector<std::string>& seen) {
  const auto [ours, theirs] =
      std::mismatch(seen.begin(), seen.end(), s.trace.begin(), s.trace.end());
  if (ours == seen.end() && theirs == s.trace.end()) return true;
  std::cout << s.name << ": line " << ours - seen.begin() + 1 << ": coppice: "
            << (ours != seen.end() ? *ours : "(end)")
            << " | OTP: " << (theirs != s.trace.end() ? *theirs : "(end)") << '\n';
  return false;
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> files(argv + 1, argv + argc);
  if (files.empty()) files.emplace_back("-");
  std::size_t agree = 0;
  std::size_t differ = 0;
  for (const std::string& file : files) {
    std::ifstream opened;
    if (file != "-") {
      opened.open(file);
      if (!opened) throw std::runtime_error{"cannot read " + file};
    }
    for (const scenario& s : read_scenarios(file == "-" ? std::cin : opened)) {
      const std::vector<std::string> seen = play(s);
      if (s.trace.empty()) {
        for (const std::string& line : seen) std::cout << line << '\n';
        ++agree;
      } else {
        ++(compare(s, seen) ? agree : differ);
      }
    }
  }
  std::cout << agree << " agree, " << differ << " differ\n";
  return differ == 0 ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "replay: " << e.what() << '\n';
  return 2;
}
