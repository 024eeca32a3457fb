#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <coppice/process.hpp>
#include <coppice/semaphore.hpp>

#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::permit;
using coppice::semaphore;

namespace {

// Takes a permit, keeps it for some time, and says so.
coroutine<> work(semaphore& s, std::string& log, char name, std::chrono::seconds time) {
  const permit mine = co_await s.acquire();
  log += name;
  co_await coppice::sleep_for(time);
}

coroutine<> wait_only(semaphore& s, std::string& log, char name,
                      coppice::time_limit limit = coppice::infinity) {
  const std::optional<permit> mine = co_await s.acquire(limit);
  log += mine ? name : '-';
}

}  // namespace

TEST_CASE("so many hold a permit at a time, in the order of their coming") {
  world w;
  semaphore s{2};
  std::string log;
  for (const char name : std::string{"abcde"}) coppice::spawn(w.io, work(s, log, name, 1s));
  w.clock.settle();
  CHECK(log == "ab");
  CHECK(s.available() == 0);
  CHECK(s.waiting() == 3);
  w.clock.advance(1s);
  CHECK(log == "abcd");
  CHECK(s.waiting() == 1);
  w.clock.advance(1s);
  CHECK(log == "abcde");
  w.clock.advance(1s);
  CHECK(s.available() == 2);
  CHECK(s.waiting() == 0);
}

TEST_CASE("several permits that come back at once go to as many who wait") {
  world w;
  semaphore s{3};
  std::string log;
  for (const char name : std::string{"abcdefg"}) coppice::spawn(w.io, work(s, log, name, 1s));
  w.clock.advance(1s);
  CHECK(log == "abcdef");
  w.clock.advance(1s);
  CHECK(log == "abcdefg");
  w.clock.advance(1s);
  CHECK(s.available() == 3);
}

TEST_CASE("a permit comes back however its holder ends") {
  world w;
  semaphore s{1};
  std::string log;
  coppice::pid holder;
  SUBCASE("by a crash") {
    holder = coppice::spawn(w.io, [&]() -> coroutine<> {
      const permit mine = co_await s.acquire();
      co_await coppice::sleep_for(1s);
      throw std::runtime_error{"lost"};
    });
  }
  SUBCASE("by exit()") {
    holder = coppice::spawn(w.io, [&]() -> coroutine<> {
      const permit mine = co_await s.acquire();
      co_await coppice::sleep_for(1s);
      co_await coppice::exit(coppice::exit_reason::error("lost"));
    });
  }
  SUBCASE("by a kill") {
    holder = coppice::spawn(w.io, work(s, log, 'h', 1h));
    coppice::spawn(w.io, [&]() -> coroutine<> {
      co_await coppice::sleep_for(1s);
      coppice::kill(holder);
    });
  }
  SUBCASE("by a stop") {
    holder = coppice::spawn(w.io, work(s, log, 'h', 1h));
    coppice::spawn(w.io, [&]() -> coroutine<> {
      co_await coppice::sleep_for(1s);
      coppice::exit(holder, coppice::exit_reason::shutdown());
    });
  }
  w.clock.settle();
  coppice::spawn(w.io, wait_only(s, log, 'a'));
  w.clock.settle();
  CHECK(s.waiting() == 1);
  w.clock.advance(1s);
  CHECK_FALSE(holder.alive());
  CHECK(log.back() == 'a');
  CHECK(s.available() == 1);
}

TEST_CASE("who waits no longer is passed over, and no permit is lost with it") {
  world w;
  semaphore s{1};
  std::string log;
  std::optional<permit> held = s.try_acquire();
  REQUIRE(held);
  const coppice::pid first = coppice::spawn(w.io, wait_only(s, log, 'a'));
  const coppice::pid second = coppice::spawn(w.io, wait_only(s, log, 'b'));
  coppice::spawn(w.io, wait_only(s, log, 'c'));
  w.clock.settle();
  CHECK(s.waiting() == 3);
  SUBCASE("killed while it waits") {
    coppice::kill(first);
    coppice::kill(second);
    w.clock.settle();
    held.reset();
  }
  SUBCASE("killed when it has been woken") {
    held.reset();
    coppice::kill(first);
    coppice::kill(second);
  }
  SUBCASE("stopped while it waits") {
    coppice::exit(first, coppice::exit_reason::shutdown());
    coppice::exit(second, coppice::exit_reason::shutdown());
    w.clock.settle();
    held.reset();
  }
  SUBCASE("stopped when it has been woken") {
    held.reset();
    coppice::exit(first, coppice::exit_reason::shutdown());
    coppice::exit(second, coppice::exit_reason::shutdown());
  }
  w.clock.settle();
  CHECK(log.back() == 'c');
  CHECK(s.waiting() == 0);
  CHECK(s.available() == 1);
}

TEST_CASE("a wait with a limit gives none when the time is over") {
  world w;
  semaphore s{1};
  std::string log;
  coppice::spawn(w.io, work(s, log, 'h', 10s));
  w.clock.settle();
  coppice::spawn(w.io, wait_only(s, log, 'a', 1s));
  coppice::spawn(w.io, wait_only(s, log, 'b', 10s));
  coppice::spawn(w.io, wait_only(s, log, 'c', 0s));
  w.clock.settle();
  CHECK(log == "h-");
  w.clock.advance(1s);
  CHECK(log == "h--");
  // One that comes back at the very moment when the time is over is taken.
  w.clock.advance(9s);
  CHECK(log == "h--b");
  CHECK(s.available() == 1);
}

TEST_CASE("try_acquire overtakes nobody") {
  world w;
  semaphore s{1};
  std::string log;
  std::optional<permit> held = s.try_acquire();
  CHECK_FALSE(s.try_acquire());
  coppice::spawn(w.io, wait_only(s, log, 'a'));
  w.clock.settle();
  held->release();
  CHECK(s.available() == 1);
  CHECK_FALSE(s.try_acquire());
  w.clock.settle();
  CHECK(log == "a");
  CHECK(s.try_acquire());
}

TEST_CASE("who takes permits again and again lets others have their turns") {
  world w;
  semaphore s{1};
  int taken = 0;
  int turns = 0;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    while (turns == 0) {
      const permit mine = co_await s.acquire();
      ++taken;
    }
  });
  coppice::spawn(w.io, [&]() -> coroutine<> {
    ++turns;
    co_return;
  });
  w.clock.settle();
  CHECK(turns == 1);
  CHECK(taken < 100);
}

TEST_CASE("a permit can be moved and given back early") {
  semaphore s{1};
  permit a = *s.try_acquire();
  permit b = std::move(a);
  CHECK_FALSE(a);
  CHECK(b);
  a.release();
  CHECK(s.available() == 0);
  b.release();
  b.release();
  CHECK(s.available() == 1);
  b = *s.try_acquire();
  b = permit{};
  CHECK(s.available() == 1);
}

TEST_CASE("those who wait give up when the semaphore goes, and permits that are out stay good") {
  world w;
  auto s = std::make_unique<semaphore>(1);
  std::optional<permit> held = s->try_acquire();
  boost::system::error_code told;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    try {
      const permit mine = co_await s->acquire();
    } catch (const boost::system::system_error& e) {
      told = e.code();
    }
  });
  w.clock.settle();
  s.reset();
  w.clock.settle();
  CHECK(told == asio::error::operation_aborted);
  held.reset();
  CHECK(coppice::processes(w.io).empty());
}

TEST_CASE("what waits when the io_context goes is destroyed with it") {
  semaphore s{1};
  std::optional<permit> held = s.try_acquire();
  std::string log;
  {
    world w;
    coppice::spawn(w.io, wait_only(s, log, 'a'));
    coppice::spawn(w.io, wait_only(s, log, 'b'));
    w.clock.settle();
    CHECK(s.waiting() == 2);
  }
  CHECK(s.waiting() == 0);
  held.reset();
  CHECK(s.available() == 1);
  CHECK(log.empty());
}

TEST_CASE("what breaks a rule is refused") {
  CHECK_THROWS_WITH_AS(semaphore{0}, "coppice: a semaphore needs at least one permit",
                       std::invalid_argument);
  semaphore s{1};
  CHECK_THROWS_AS(static_cast<void>(s.acquire()), std::logic_error);
  world one;
  world other;
  std::string log;
  std::string said;
  coppice::spawn(one.io, wait_only(s, log, 'a'));
  one.clock.settle();
  coppice::spawn(other.io, [&]() -> coroutine<> {
    try {
      const permit mine = co_await s.acquire();
    } catch (const std::logic_error& e) {
      said = e.what();
    }
  });
  other.clock.settle();
  CHECK(log == "a");
  CHECK(said == "coppice: this semaphore is used by processes of another io_context");
}
