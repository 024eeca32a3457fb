// replay [--except LIST] FILE…: plays OTP scenarios on coppice. A corpus is compared with the traces it
// holds, and every difference is named with its first differing line; the trace of a single scenario is
// printed. "-" is standard input. Exits with 0 only if all agree; or, with a list of names, if exactly
// those differ that stand in it.

#include "player.hpp"
#include "scenario.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>
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
  std::set<std::string> excepted;
  if (files.size() > 2 && files[0] == "--except") {
    std::ifstream list{files[1]};
    if (!list) throw std::runtime_error{"cannot read " + files[1]};
    for (std::string line; std::getline(list, line);) {
      if (!line.empty() && line[0] != '#') excepted.insert(line);
    }
    files.erase(files.begin(), files.begin() + 2);
  }
  std::size_t agree = 0;
  std::size_t differ = 0;
  bool as_expected = true;
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
        const bool same = compare(s, seen);
        ++(same ? agree : differ);
        if (same == excepted.contains(s.name)) as_expected = false;
      }
    }
  }
  std::cout << agree << " agree, " << differ << " differ\n";
  return as_expected ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "replay: " << e.what() << '\n';
  return 2;
}
