#include <coppice/detail/supervision/restart_window.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <limits>
#include <random>

using coppice::detail::duration;
using coppice::detail::restart_budget;
using coppice::detail::restart_window;
using coppice::detail::time_point;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t exact = restart_window::most_entries;
constexpr duration for_ever = duration::max();

time_point at(duration d) { return time_point{} + d; }

// As OTP does it: the time of each restart is kept, and those that are too old are thrown away.
class naive_budget {
 public:
  explicit naive_budget(restart_budget b) : budget_{b} {}

  bool record(time_point now) {
    while (!spent_.empty() && now - spent_.front() > budget_.period) spent_.pop_front();
    if (spent_.size() >= budget_.intensity) return false;
    spent_.push_back(now);
    return true;
  }

 private:
  restart_budget budget_;
  std::deque<time_point> spent_;
};

// How many restarts in a row, so far apart from one another, are forgiven; up to a limit.
std::size_t forgiven(restart_window& b, time_point from, duration gap, std::size_t limit) {
  std::size_t n = 0;
  for (time_point now = from; n < limit && b.record(now); now += gap) ++n;
  return n;
}

}  // namespace

// INT-01, INT-05, INT-06
TEST_CASE("a budget of up to 256 restarts answers as if each of them was remembered") {
  std::mt19937 random{1};
  for (const std::size_t restarts : {0UL, 1UL, 2UL, 3UL, 7UL, 100UL, exact - 1, exact}) {
    for (const duration within : {duration{1ns}, duration{10ns}, duration{1000ns}, duration{5s}}) {
      restart_window budget{{.intensity = restarts, .period = within}};
      naive_budget model{{.intensity = restarts, .period = within}};
      // About as many restarts as fit into the window, in bursts.
      const auto mean =
          std::max<duration::rep>(1, within.count() / static_cast<long>(restarts + 1));
      std::uniform_int_distribution<duration::rep> gap{0, 2 * mean};
      std::uniform_int_distribution<int> burst{0, 3};
      time_point now{};
      for (int i = 0; i < 3000; ++i) {
        if (burst(random) == 0) now += duration{gap(random)};
        CHECK(budget.record(now) == model.record(now));
      }
    }
  }
}

// INT-01
TEST_CASE("a larger budget forgives as many restarts at once as it says, and not one more") {
  for (const std::size_t restarts : {exact + 1, 10 * exact, 100'000UL}) {
    for (const duration gap : {0ns, 1ns, 10ns}) {
      restart_window budget{{.intensity = restarts, .period = 5s}};
      CHECK(forgiven(budget, at(0s), gap, restarts + 1) == restarts);
    }
  }
}

// INT-06
TEST_CASE("a restart of a larger budget counts for the period less one part at least") {
  constexpr std::size_t restarts = exact + 1;
  constexpr duration within = 255s;  // so that a part is a second
  for (const bool older : {false, true}) {
    restart_window budget{{.intensity = restarts, .period = within}};
    CHECK(budget.record(at(0s)));
    CHECK(forgiven(budget, at(1s - 1ns), 0ns, restarts) == restarts - 1);
    CHECK_FALSE(budget.record(at(within)));
    // They grow old together with the first of them.
    CHECK(budget.record(at(within + (older ? 1ns : 0ns))) == older);
  }
  // One part later is too late to grow old with the first.
  restart_window budget{{.intensity = restarts, .period = within}};
  CHECK(budget.record(at(0s)));
  CHECK(forgiven(budget, at(1s), 0ns, restarts) == restarts - 1);
  CHECK(forgiven(budget, at(within + 1ns), 0ns, restarts) == 1);
}

// INT-06
TEST_CASE("a restart of a larger budget counts for the period at most") {
  constexpr std::size_t restarts = exact + 1;
  restart_window budget{{.intensity = restarts, .period = 255s}};
  CHECK(forgiven(budget, at(1s), 0ns, restarts + 1) == restarts);
  CHECK_FALSE(budget.record(at(1s + 255s)));
  CHECK(budget.record(at(1s + 255s + 1ns)));
}

TEST_CASE("a budget takes 4 KiB at most, whatever the intensity is") {
  constexpr std::size_t many = std::numeric_limits<std::size_t>::max();
  for (const std::size_t restarts : {0UL, 3UL, exact - 1, exact, exact + 1, 10 * exact, many}) {
    for (const duration within : {duration{1ns}, duration{254ns}, duration{255ns}, duration{256ns},
                                  duration{5s}, duration{24h}, for_ever}) {
      for (const duration gap : {duration{}, duration{1ns}, duration{1ms}, within / 1000,
                                 within / 255, within / 3 + 1ns}) {
        restart_window budget{{.intensity = restarts, .period = within}};
        time_point now{};
        for (int i = 0; i < 2000; ++i) {
          static_cast<void>(budget.record(now));
          now = coppice::detail::after(now, gap);
        }
        CHECK(budget.bytes() <= 4096);
      }
    }
  }
}

TEST_CASE("a budget takes no more memory than what it says can fill") {
  restart_window budget{{3, 5s}};
  CHECK(forgiven(budget, at(0s), 1ms, 10) == 3);
  CHECK(budget.bytes() <= 64);
}

// INT-05
TEST_CASE("the longest period there is never ends") {
  restart_window budget{{.intensity = 2, .period = for_ever}};
  CHECK(budget.record(at(1h)));
  CHECK(budget.record(at(24h)));
  CHECK_FALSE(budget.record(at(1000 * 24h)));
  CHECK_FALSE(budget.record(time_point::max()));
}

TEST_CASE("no time is later than the last one that the clock can show") {
  using coppice::detail::after;
  CHECK(after(at(1s), 2s) == at(3s));
  CHECK(after(at(1s), 0s) == at(1s));
  CHECK(after(at(1s), -2s) == at(1s));
  CHECK(after(at(1s), for_ever) == time_point::max());
  CHECK(after(at(0s), for_ever) == time_point::max());
  CHECK(after(at(-1s), for_ever) == time_point::max() - 1s);
  CHECK(after(at(1s), duration::min()) == at(1s));
  CHECK(after(time_point::max(), 1ns) == time_point::max());
}
