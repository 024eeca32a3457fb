// Plays on CAF, the C++ Actor Framework, the workloads that others publish, as coppice-bench does;
// ../command_line.hpp says what it prints.

#include "../command_line.hpp"
#include "world.hpp"

#include <caf/config.hpp>

#include <malloc.h>

namespace {

std::string version() {
  return "CAF " + std::to_string(CAF_VERSION / 10'000) + '.' +
         std::to_string(CAF_VERSION / 100 % 100) + '.' + std::to_string(CAF_VERSION % 100);
}

std::vector<bench::family> all(bench::size n) {
  std::vector<bench::family> families;
  bench::add_skynet(families, n);
  bench::add_ring(families, n);
  bench::add_big(families, n);
  bench::add_hackbench(families, n);
  bench::add_sleepers(families, n);
  return families;
}

}  // namespace

int main(int argc, char** argv) {
  // So the worker's thread too has the memory that has been taken from the system beforehand.
  ::mallopt(M_ARENA_MAX, 1);
  return bench::run({"caf-bench", version(), all}, argc, argv);
}
