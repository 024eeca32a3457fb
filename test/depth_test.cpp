// Coroutines that await coroutines, deep and wide.

#include <coppice/process.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <utility>

namespace {

constexpr int levels = 1'000'000;
// Asio destroys the frames of awaitables one within the other: README says how deep that may be.
#ifdef COPPICE_TEST_TASKS
constexpr int killed_levels = levels;
#else
constexpr int killed_levels = 5'000;
#endif

enum class ends_by { returning, throwing };

// NOLINTNEXTLINE(misc-no-recursion): the depth is the point
coroutine<int> dive(int depth, ends_by how) {
  if (depth == 0) {
    co_await coppice::sleep_for(1s);
    if (how == ends_by::throwing) throw std::runtime_error{"from the bottom"};
    co_return 0;
  }
  auto deeper = dive(depth - 1, how);
  const int below = co_await std::move(deeper);
  co_return below + 1;
}

struct counted {
  explicit counted(int* n) : alive{n} { ++*alive; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() { --*alive; }
  int* alive;
};

// NOLINTNEXTLINE(misc-no-recursion): the depth is the point
coroutine<> hold(int depth, int* alive) {
  const counted one{alive};
  if (depth == 0) {
    co_await coppice::sleep_for(1h);
    co_return;
  }
  auto deeper = hold(depth - 1, alive);
  co_await std::move(deeper);
}

}  // namespace

TEST_CASE("a million coroutines that await each other return") {
  world w;
  int depth = 0;
  const ending end{coppice::spawn(w.io, [&depth]() -> coroutine<> {
    auto all = dive(levels, ends_by::returning);
    depth = co_await std::move(all);
  })};
  w.clock.advance(1s);
  CHECK(end.text() == "normal");
  CHECK(depth == levels);
}

TEST_CASE("an exception passes through a hundred thousand coroutines that await each other") {
  world w;
  const ending end{coppice::spawn(w.io, []() -> coroutine<> {
    auto all = dive(100'000, ends_by::throwing);
    co_await std::move(all);
  })};
  w.clock.advance(1s);
  CHECK(end.text() == "std::runtime_error: from the bottom");
}

TEST_CASE("a process is killed however deep it waits, and all frames are gone") {
  world w;
  int alive = 0;
  const coppice::pid p =
      coppice::spawn(w.io, [&alive] { return hold(killed_levels, &alive); });
  const ending end{p};
  w.clock.settle();
  CHECK(alive == killed_levels + 1);
  coppice::kill(p);
  w.clock.settle();
  CHECK(end.text() == "killed");
  CHECK(alive == 0);
}

TEST_CASE("an io_context goes with processes that wait however deep") {
  int alive = 0;
  {
    world w;
    coppice::spawn(w.io, [&alive] { return hold(killed_levels, &alive); });
    w.clock.settle();
    CHECK(alive == killed_levels + 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("a process with thousands of helpers that wait goes on, and they go with it") {
  world w;
  constexpr int helpers = 10'000;
  int alive = 0;
  int completions = 0;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    const auto ex = co_await asio::this_coro::executor;
    const auto wait = [](int* n) -> beside {
      const counted one{n};
      co_await coppice::sleep_for(1h);
    };
    for (int i = 0; i < helpers; ++i) asio::co_spawn(ex, wait(&alive), asio::detached);
    for (;;) {
      co_await coppice::sleep_for(1s);
      ++completions;
    }
  });
  w.clock.advance(10s);
  CHECK(alive == helpers);
  CHECK(completions == 10);
  coppice::kill(p);
  w.clock.settle();
  CHECK_FALSE(p.alive());
  CHECK(alive == 0);
}
