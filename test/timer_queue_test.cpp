#include <coppice/detail/base/timer_queue.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <random>
#include <utility>
#include <vector>

using coppice::detail::time_point;
using coppice::detail::timer_node;
using coppice::detail::timer_queue;
using namespace std::chrono_literals;

namespace {

void nothing(timer_node&) {}

time_point at(int n) { return time_point{} + n * 1ms; }

// The same, done the slow way: sorted by time, then by the order of setting.
class model {
 public:
  void set(std::size_t node, time_point when) {
    cancel(node);
    const auto place =
        std::upper_bound(entries_.begin(), entries_.end(), when,
                         [](time_point t, const auto& entry) { return t < entry.first; });
    entries_.insert(place, {when, node});
  }
  void cancel(std::size_t node) {
    std::erase_if(entries_, [node](const auto& entry) { return entry.second == node; });
  }
  std::pair<time_point, std::size_t> pop() {
    const auto first = entries_.front();
    entries_.erase(entries_.begin());
    return first;
  }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] time_point earliest() const { return entries_.front().first; }
  [[nodiscard]] bool armed(std::size_t node) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [node](const auto& entry) { return entry.second == node; });
  }

 private:
  std::vector<std::pair<time_point, std::size_t>> entries_;
};

}  // namespace

TEST_CASE("timers come out by time, and equal times in the order in which they were set") {
  timer_queue queue;
  std::deque<timer_node> nodes;
  for (const int n : {5, 3, 5, 1, 3, 5}) {
    queue.set(nodes.emplace_back(&nothing), at(n));
  }
  for (const std::size_t expected : {3U, 1U, 4U, 0U, 2U, 5U}) {
    CHECK(&queue.pop() == &nodes[expected]);
    CHECK_FALSE(nodes[expected].armed());
  }
  CHECK(queue.empty());
}

TEST_CASE("setting a timer again moves it, behind others of the same time") {
  timer_queue queue;
  timer_node a{&nothing};
  timer_node b{&nothing};
  queue.set(a, at(1));
  queue.set(b, at(1));
  queue.set(a, at(1));
  CHECK(&queue.pop() == &b);
  queue.set(b, at(2));
  queue.set(a, at(3));
  CHECK(queue.earliest() == at(2));
  CHECK(&queue.pop() == &b);
  CHECK(&queue.pop() == &a);
}

TEST_CASE("cancelling a timer that is not set does nothing") {
  timer_queue queue;
  timer_node a{&nothing};
  timer_node b{&nothing};
  queue.cancel(a);
  queue.set(b, time_point::max());
  queue.set(a, time_point::min());
  queue.cancel(a);
  queue.cancel(a);
  CHECK_FALSE(a.armed());
  CHECK(b.armed());
  CHECK(queue.earliest() == time_point::max());
  queue.cancel(b);
  CHECK(queue.empty());
}

TEST_CASE("whatever is set, moved and cancelled, the queue does as a sorted list would") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    const auto below = [&random](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
    };
    // Few distinct times make many equal ones.
    const std::size_t times = seed % 2 == 0 ? 8 : 100'000;
    const std::size_t count = 1 + below(150);
    std::deque<timer_node> nodes;
    for (std::size_t i = 0; i < count; ++i) nodes.emplace_back(&nothing);
    timer_queue queue;
    model expected;
    bool same = true;
    for (int step = 0; step < 2000; ++step) {
      const std::size_t node = below(count);
      switch (below(5)) {
        case 0:
        case 1:
        case 2: {
          const time_point when = at(static_cast<int>(below(times)));
          queue.set(nodes[node], when);
          expected.set(node, when);
          break;
        }
        case 3:
          queue.cancel(nodes[node]);
          expected.cancel(node);
          break;
        default:
          if (!queue.empty() && !expected.empty()) {
            const auto [when, which] = expected.pop();
            same = same && queue.when(nodes[which]) == when && queue.earliest() == when;
            same = same && &queue.pop() == &nodes[which];
          }
      }
      same = same && queue.empty() == expected.empty() &&
             nodes[node].armed() == expected.armed(node) &&
             (queue.empty() || queue.earliest() == expected.earliest());
    }
    while (!queue.empty() && !expected.empty()) {
      same = same && &queue.pop() == &nodes[expected.pop().second];
    }
    CHECK(same);
    CHECK(queue.empty());
    CHECK(expected.empty());
  }
}
