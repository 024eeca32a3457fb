// Runs one family of benchmarks and prints what it measured, one line each:
//
//   row <tab> side <tab> repetition <tab> value
//
// Usage: coppice-bench --list             the families and their rows
//        coppice-bench --version          what it was built with
//        coppice-bench FAMILY REPETITIONS [WARM_UPS]
//                                       all sides in turn, after one turn (or so many) to warm up
//
// bench/run calls this, and makes medians and ratios of it.

#include "harness.hpp"

#include <boost/asio/version.hpp>
#include <boost/version.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <string_view>
#include <vector>

#include <malloc.h>

namespace {

#if defined(__clang__)
constexpr const char* compiler = "";  // named in its version
#else
constexpr const char* compiler = "g++ ";
#endif

// Takes memory from the system once and keeps it, so that the side which comes first does not pay
// for all others. Not for `memory`, `million` and `sleepers`, whose processes start empty.
void warm_heap() {
  constexpr std::size_t enough = 400'000'000;
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  const std::vector<char> touched(enough, 'x');
}

void list(const std::vector<bench::family>& families) {
  for (const auto& f : families) {
    for (const auto& s : f.all) {
      std::printf("%s\t%s\t%s\n", f.name.c_str(), s.row.c_str(), s.side.c_str());
    }
  }
}

void measure(const bench::family& f, int repetitions, int warm_ups) {
  for (int repetition = 1 - warm_ups; repetition <= repetitions; ++repetition) {
    for (const auto& s : f.all) {
      double value = 0;
      try {
        value = s.measure();
      } catch (const std::exception& e) {
        std::fprintf(stderr, "coppice-bench: %s (%s): %s\n", s.row.c_str(), s.side.c_str(),
                     e.what());
        std::exit(1);
      }
      if (repetition <= 0) continue;
      std::printf("%s\t%s\t%d\t%.3f\n", s.row.c_str(), s.side.c_str(), repetition, value);
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<bench::family> families;
  bench::add_spawn(families);
  bench::add_restart(families);
  bench::add_siblings(families);
  bench::add_group(families);
  bench::add_many(families);
  bench::add_mass_crash(families);
  bench::add_killed(families);
  bench::add_memory(families);
  bench::add_million(families);
  bench::add_message(families);
  bench::add_server(families);
  bench::add_timer(families);
  bench::add_storm(families);
  bench::add_task(families);
  bench::add_skynet(families);
  bench::add_ring(families);
  bench::add_big(families);
  bench::add_hackbench(families);
  bench::add_sleepers(families);
  bench::add_supervision_heavy(families);

  const std::vector<std::string_view> arguments{argv + 1, argv + argc};
  if (arguments.size() == 1 && arguments[0] == "--list") {
    list(families);
    return 0;
  }
  if (arguments.size() == 1 && arguments[0] == "--version") {
    std::printf("%s%s, Boost %d.%d (Asio %d.%d.%d)\n", compiler, __VERSION__,
                BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1'000, BOOST_ASIO_VERSION / 100'000,
                BOOST_ASIO_VERSION / 100 % 1'000, BOOST_ASIO_VERSION % 100);
    return 0;
  }
  if (arguments.size() == 2 || arguments.size() == 3) {
    for (const auto& f : families) {
      if (f.name != arguments[0]) continue;
      if (!f.name.starts_with("memory") && f.name != "million" && f.name != "sleepers") {
        warm_heap();
      }
      measure(f, std::atoi(argv[2]), argc > 3 ? std::atoi(argv[3]) : 1);
      return 0;
    }
  }
  std::fputs(
      "usage: coppice-bench --list | --version | coppice-bench FAMILY REPETITIONS [WARM_UPS]\n",
      stderr);
  return 2;
}
