// Runs one family of benchmarks and prints what it measured; command_line.hpp says how.
//
// bench/run calls this, and makes medians and ratios of it.

#include "command_line.hpp"
#include "harness.hpp"

#include <boost/asio/version.hpp>
#include <boost/version.hpp>

#include <cstdio>

namespace {

#if defined(__clang__)
constexpr const char* compiler = "";  // named in its version
#else
constexpr const char* compiler = "g++ ";
#endif

std::string version() {
  char text[100];
  std::snprintf(text, sizeof text, "%s%s, Boost %d.%d (Asio %d.%d.%d)", compiler, __VERSION__,
                BOOST_VERSION / 100'000, BOOST_VERSION / 100 % 1'000, BOOST_ASIO_VERSION / 100'000,
                BOOST_ASIO_VERSION / 100 % 1'000, BOOST_ASIO_VERSION % 100);
  return text;
}

std::vector<bench::family> all(bench::size n) {
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
  bench::add_skynet(families, n);
  bench::add_ring(families, n);
  bench::add_big(families, n);
  bench::add_hackbench(families, n);
  bench::add_sleepers(families, n);
  bench::add_supervision_heavy(families, n);
  return families;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run({"coppice-bench", version(), all}, argc, argv);
}
