// What holds for a restart budget, whenever restarts are asked for: the answers are compared with
// those of a budget that remembers every single restart, as OTP's does.

#include <coppice/detail/supervision/restart_window.hpp>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

using coppice::detail::duration;
using coppice::detail::restart_budget;
using coppice::detail::restart_window;
using coppice::detail::time_point;

namespace {

constexpr std::size_t exact = restart_window::most_entries;

// So many restarts, one every so many nanoseconds.
using burst = std::pair<int, int>;

std::vector<time_point> times_of(const std::vector<burst>& bursts) {
  std::vector<time_point> all;
  time_point now{};
  for (const auto& [count, gap] : bursts) {
    for (int i = 0; i < count; ++i) all.push_back(now += duration{gap});
  }
  return all;
}

std::vector<time_point> any_times() {
  const auto any_burst = rc::gen::pair(rc::gen::element(1, 2, 10, 50, 200, 300),
                                       rc::gen::element(0, 1, 2, 3, 4, 7, 50, 900, 2550));
  return times_of(*rc::gen::container<std::vector<burst>>(any_burst).as("bursts"));
}

duration any_period() {
  return duration{*rc::gen::element(1, 100, 254, 255, 256, 1000, 2550, 5000).as("period")};
}

// How many restarts are forgiven before one is not, if each of them is remembered.
std::size_t forgiven(restart_budget b, const std::vector<time_point>& times) {
  std::deque<time_point> spent;
  for (std::size_t n = 0; n < times.size(); ++n) {
    while (!spent.empty() && times[n] - spent.front() > b.period) spent.pop_front();
    if (spent.size() >= b.intensity) return n;
    spent.push_back(times[n]);
  }
  return times.size();
}

std::size_t forgiven_by_coppice(restart_budget b, const std::vector<time_point>& times) {
  restart_window budget{b};
  std::size_t n = 0;
  while (n < times.size() && budget.record(times[n])) ++n;
  RC_ASSERT(budget.bytes() <= 4096U);
  return n;
}

}  // namespace

// INT-01, INT-05, INT-06
TEST_CASE("a budget of up to 256 restarts runs out exactly when OTP's does") {
  CHECK(rc::check([] {
    const restart_budget b{.intensity = *rc::gen::weightedOneOf<std::size_t>(
                                             {{3, rc::gen::inRange<std::size_t>(0, exact + 1)},
                                              {1, rc::gen::element<std::size_t>(exact - 1, exact)}})
                                             .as("restarts"),
                           .period = any_period()};
    const auto times = any_times();
    RC_ASSERT(forgiven_by_coppice(b, times) == forgiven(b, times));
  }));
}

// INT-01, INT-05, INT-06
TEST_CASE("a larger budget runs out between OTP's and that of a period one part in 255 shorter") {
  CHECK(rc::check([] {
    const restart_budget b{
        .intensity =
            *rc::gen::element<std::size_t>(exact + 1, exact + 50, 400, 1000).as("restarts"),
        .period = any_period()};
    const auto times = any_times();
    const duration part{(b.period.count() + 254) / 255};
    const std::size_t n = forgiven_by_coppice(b, times);
    RC_ASSERT(n >= forgiven(b, times));
    RC_ASSERT(n <= forgiven({b.intensity, b.period - part}, times));
  }));
}
