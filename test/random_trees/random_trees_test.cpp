#include "tree.hpp"

#include <coppice/simulation_doctest.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

using namespace std::chrono_literals;
using coppice::fault_kind;
using coppice::simulation;

namespace {

// The children of random trees, whose names begin with that of the tree's first level, or with
// "strict:" if they are not to hang.
coppice::simulation_options bad_weather() {
  return {.seeds = 200,
          .network = {.latency_max = 5ms,
                      .short_read = 0.1,
                      .short_write = 0.1,
                      .reset = 0.01,
                      .refuse = 0.05,
                      .no_descriptor = 0.05},
          .faults = {{.process = "s*", .kind = fault_kind::crash, .chance = 0.02},
                     {.process = "s*", .kind = fault_kind::kill, .chance = 0.02},
                     {.process = "s*", .kind = fault_kind::late, .chance = 0.02, .delay = 2s},
                     {.process = "s*", .kind = fault_kind::no_memory, .chance = 0.02},
                     {.process = "strict:*", .kind = fault_kind::hang, .chance = 0.02}}};
}

// Whoever runs this program may have it tell which seed it plays: one that crashes, or never ends,
// cannot tell that.
void tell_seed(const simulation& s) {
  static const bool tells = std::getenv("RANDOM_TREES_TELL_SEEDS") != nullptr;
  if (tells) std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(s.seed()));
}

void live(simulation& s) {
  tell_seed(s);
  random_tree tree{s};
  s.end_faults();  // a tree that does not start is none
  const auto root = coppice::start_supervisor(s.io(), tree.draw());
  auto ready = root.ready();
  std::move(ready)([&tree](boost::system::error_code) { tree.up = true; });
  s.run_until("the tree has started", [&tree] { return tree.up; });
  s.begin_faults();
  const std::uint64_t clients = 1 + s.draw(4);
  for (std::uint64_t i = 0; i < clients; ++i) {
    coppice::spawn(s.io(), [&tree] { return act_at_random(tree); }, "client");
  }
  // What is wrong is told at once, before anything comes of it.
  const auto run_for = [&](simulation::duration d) {
    const auto until = s.elapsed() + d;
    const auto is_over = [&] { return !tree.book.is_good() || s.elapsed() >= until; };
    s.run_until("the time has passed", is_over, d);
    tree.book.conclude();
  };
  run_for(tree.draw_time(10'000));
  tree.quiet = true;
  s.end_faults();
  run_for(5min);
  tree.book.check_whole();
  tree.check_at_rest();
  tree.book.begin_stop();
  if (s.chance(0.5)) {
    root.stop()([](boost::system::error_code) {});
  } else {
    coppice::stop_within(root, 10min)([](boost::system::error_code) {});
  }
  // Nobody waits for what has ended.
  s.run_until("every process has ended", [&s] { return coppice::processes(s.io()).empty(); });
  s.run();
  tree.book.check_end();
  tree.check_gone();
  tree.book.conclude();
}

}  // namespace

TEST_CASE("a random tree does what OTP's would, whatever befalls it") {
  coppice::simulate(bad_weather(), live);
}
