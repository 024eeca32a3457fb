#include <coppice/detail/watchdog/block_detector.hpp>

#include <doctest/doctest.h>

#include <chrono>

using coppice::detail::block_detector;
using coppice::detail::time_point;
using step = block_detector::step;
using namespace std::chrono_literals;

namespace {

// A detector, and a clock that goes on by 50 ms with each look.
struct bench {
  step look(bool moved, bool at_work) { return detector.look(moved, at_work, now += 50ms); }
  step at_work() { return look(true, true); }
  step nothing_new(bool in_turn = true) { return look(false, in_turn); }
  void answer() { detector.ping_is_over(now); }

  block_detector detector;
  time_point now{};
};

}  // namespace

TEST_CASE("a loop that has not moved for four looks, while a ping waits, is examined") {
  bench b;
  CHECK(b.at_work() == step::post_ping);
  const time_point then = b.now;
  for (int i = 0; i < 3; ++i) CHECK(b.nothing_new() == step::nothing);
  CHECK(b.nothing_new() == step::examine);
  CHECK(b.detector.since() == then);
}

TEST_CASE("it is examined once, until it moves again") {
  bench b;
  CHECK(b.at_work() == step::post_ping);
  for (int i = 0; i < 3; ++i) CHECK(b.nothing_new() == step::nothing);
  CHECK(b.nothing_new() == step::examine);
  for (int i = 0; i < 10; ++i) CHECK(b.nothing_new() == step::nothing);
  CHECK(b.at_work() == step::nothing);
  for (int i = 0; i < 3; ++i) CHECK(b.nothing_new() == step::nothing);
  CHECK(b.nothing_new() == step::examine);
}

TEST_CASE("work that begins or ends is a movement, however long the ping waits") {
  bench b;
  CHECK(b.at_work() == step::post_ping);
  for (int i = 0; i < 20; ++i) {
    for (int k = 0; k < 3; ++k) CHECK(b.nothing_new() == step::nothing);
    CHECK(b.at_work() == step::nothing);
  }
}

TEST_CASE("an answer is a movement, and without a ping nothing is suspicious") {
  bench b;
  CHECK(b.at_work() == step::post_ping);
  for (int i = 0; i < 3; ++i) CHECK(b.nothing_new() == step::nothing);
  b.answer();
  CHECK(b.nothing_new() == step::nothing);
  CHECK(b.nothing_new(false) == step::post_ping);
  for (int i = 0; i < 3; ++i) CHECK(b.nothing_new(false) == step::nothing);
  CHECK(b.nothing_new(false) == step::examine);
}

TEST_CASE("a loop that sleeps is pinged four times a second") {
  bench b;
  int pings = 0;
  for (int i = 0; i < 200; ++i) {
    if (b.nothing_new(false) != step::post_ping) continue;
    ++pings;
    b.answer();
  }
  CHECK(pings == 40);  // in ten seconds
}

TEST_CASE("a loop that is at work is pinged at each look, one that only was is not") {
  bench b;
  CHECK(b.at_work() == step::post_ping);
  b.answer();
  CHECK(b.at_work() == step::post_ping);
  b.answer();
  CHECK(b.look(true, false) == step::nothing);
}

TEST_CASE("a program that was stopped for a while has looked once in that time") {
  bench b;
  CHECK(b.at_work() == step::post_ping);
  CHECK(b.nothing_new() == step::nothing);
  b.now += 24h;
  CHECK(b.nothing_new() == step::nothing);
  CHECK(b.at_work() == step::nothing);
}
