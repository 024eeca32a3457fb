#include "command_line.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <string_view>

#include <malloc.h>

namespace bench {

namespace {

// Takes memory from the system once and keeps it, so that the side which comes first does not pay
// for all others. Not for `memory`, `million` and `sleepers`, whose processes start empty.
void warm_heap() {
  constexpr std::size_t enough = 400'000'000;
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  const std::vector<char> touched(enough, 'x');
}

void list(const std::vector<family>& families) {
  for (const auto& f : families) {
    for (const auto& s : f.all) {
      std::printf("%s\t%s\t%s\n", f.name.c_str(), s.row.c_str(), s.side.c_str());
    }
  }
}

/// @return Whether all of it did what it claims to measure.
bool measure(const program& p, const family& f, int repetitions, int warm_ups) {
  for (int repetition = 1 - warm_ups; repetition <= repetitions; ++repetition) {
    for (const auto& s : f.all) {
      double value = 0;
      try {
        value = s.measure();
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s (%s): %s\n", p.name.c_str(), s.row.c_str(), s.side.c_str(),
                     e.what());
        return false;
      }
      if (repetition <= 0) continue;
      std::printf("%s\t%s\t%d\t%.3f\n", s.row.c_str(), s.side.c_str(), repetition, value);
    }
    std::fflush(stdout);
  }
  return true;
}

}  // namespace

int run(const program& p, int argc, char** argv) {
  const std::vector<std::string_view> arguments{argv + 1, argv + argc};
  if (arguments.size() == 1 && arguments[0] == "--list") {
    list(p.families(std::nullopt));
    return 0;
  }
  if (arguments.size() == 1 && arguments[0] == "--version") {
    std::printf("%s\n", p.version.c_str());
    return 0;
  }
  if (arguments.size() >= 2 && arguments.size() <= 4) {
    const size n = argc > 4 ? size{std::atol(argv[4])} : std::nullopt;
    for (const auto& f : p.families(n)) {
      if (f.name != arguments[0]) continue;
      if (n && (!f.sized || *n < 1)) {
        std::fprintf(stderr, "%s: %s cannot be of that size\n", p.name.c_str(), argv[1]);
        return 2;
      }
      if (!f.name.starts_with("memory") && f.name != "million" && f.name != "sleepers") {
        warm_heap();
      }
      return measure(p, f, std::atoi(argv[2]), argc > 3 ? std::atoi(argv[3]) : 1) ? 0 : 1;
    }
  }
  std::fprintf(stderr, "usage: %s --list | --version | FAMILY REPETITIONS [WARM_UPS [SIZE]]\n",
               p.name.c_str());
  return 2;
}

}  // namespace bench
