#include "support/coroutine.hpp"
#include "support/world.hpp"

#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>

// In which order ready processes have their turns, and that none of them is forgotten.

namespace {

coroutine<> say(std::string& log, char what) {
  log += what;
  co_return;
}

coroutine<> say_often(std::string& log, char what, int times) {
  for (; times > 0; --times) {
    log += what;
    co_await coppice::yield();
  }
}

// Starts a process for each character, in one turn.
coroutine<> start_all(std::string& log, std::string names) {
  for (const char name : names) coppice::spawn(say(log, name));
  co_return;
}

coroutine<> count_turns(int& turns, const bool& done) {
  while (!done) {
    co_await coppice::yield();
    ++turns;
  }
}

// Starts its own like, and ends: so one process is always ready that was started just now.
coroutine<> start_successor(int& starts, const bool& done) {
  ++starts;
  if (!done) coppice::spawn(start_successor(starts, done));
  co_return;
}

struct census {
  int alive = 0;
  int most = 0;
  int ended = 0;
};

class counted {
 public:
  explicit counted(census& in) : in_{in} { in_.most = std::max(in_.most, ++in_.alive); }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() {
    --in_.alive;
    ++in_.ended;
  }

 private:
  census& in_;
};

// Each process starts ten more, and lives until the last of those has ended.
coroutine<> generation(census& all, int further, coppice::address<int> parent) {
  const counted here{all};
  if (further > 0) {
    coppice::mailbox<int> children;
    for (int i = 0; i < 10; ++i) {
      coppice::spawn(generation(all, further - 1, children.get_address()));
    }
    for (int i = 0; i < 10; ++i) co_await children.receive();
  }
  parent.send(1);
}

}  // namespace

TEST_CASE("what a process starts goes ahead of what was ready before, in the order of its starts") {
  world w;
  std::string log;
  coppice::spawn(w.io, start_all(log, "123"));
  coppice::spawn(w.io, start_all(log, "456"));
  coppice::spawn(w.io, say(log, 'a'));
  coppice::spawn(w.io, say(log, 'b'));
  w.clock.settle();
  // One of those that were ready before has its turn between two of those that are started.
  CHECK(log == "14a5b623");
}

TEST_CASE("what is started outside of processes runs first come, first served") {
  world w;
  std::string log;
  for (const char name : std::string{"abcdef"}) coppice::spawn(w.io, say(log, name));
  w.clock.settle();
  CHECK(log == "abcdef");
}

TEST_CASE("a process has its next turn after those that it has started in this one") {
  world w;
  std::string log;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    for (const char name : std::string{"123"}) coppice::spawn(say(log, name));
    co_await coppice::yield();
    log += '!';
    for (const char name : std::string{"456"}) coppice::spawn(say(log, name));
    co_await coppice::sleep_for(0s);
    log += '!';
    const auto ex = co_await asio::this_coro::executor;
    for (const char name : std::string{"789"}) coppice::spawn(say(log, name));
    asio::post(ex, [&] { log += '!'; });
    co_await coppice::sleep_for(1s);
  });
  coppice::spawn(w.io, say_often(log, '.', 20));
  w.clock.advance(1s);
  std::erase(log, '.');
  CHECK(log == "123!456!789!");
}

TEST_CASE("who is ready waits at most twice as long beside processes that start others") {
  world w;
  std::string log;
  coppice::spawn(w.io, start_all(log, std::string(100, '.')));
  coppice::spawn(w.io, say_often(log, 'a', 20));
  coppice::spawn(w.io, say_often(log, 'b', 20));
  w.clock.settle();
  CHECK(std::count(log.begin(), log.end(), '.') == 100);
  CHECK(log.find_last_of("ab") <= 80);
}

TEST_CASE("an endless chain of starts holds up neither who is ready nor who was started before") {
  world w;
  bool done = false;
  int starts = 0;
  int turns = 0;
  bool first_ran = false;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::spawn(start_successor(starts, done));
    // It is behind the first of the chain, and each further one goes ahead of it.
    coppice::spawn([&]() -> coroutine<> {
      first_ran = true;
      CHECK(starts < 2'000);
      done = true;
      co_return;
    });
    co_return;
  });
  coppice::spawn(w.io, count_turns(turns, done));
  w.clock.settle();
  CHECK(first_ran);
  CHECK(starts > 1);
  CHECK(turns >= starts - 2);
}

TEST_CASE("processes that start one another are few at a time") {
  world w;
  census all;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> root;
    coppice::spawn(generation(all, 4, root.get_address()));
    co_await root.receive();
  });
  w.clock.settle();
  CHECK(all.ended == 11'111);
  CHECK(all.alive == 0);
  CHECK(all.most < 1'000);
}

TEST_CASE("a child that ends again and again lets others go first") {
  world w;
  bool done = false;
  int restarts = 0;
  int turns = 0;
  coppice::child_spec restless{"restless", [&]() -> coroutine<> {
                                 done = ++restarts == 30;
                                 if (!done)
                                   co_await coppice::exit(coppice::exit_reason::error("tired"));
                               }};
  coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one,
                                   .intensity = 100,
                                   .children = {restless.with_restart(coppice::transient)}});
  coppice::spawn(w.io, count_turns(turns, done));
  w.clock.settle();
  CHECK(restarts == 30);
  CHECK(turns > 1'000);
}
