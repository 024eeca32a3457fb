#include <coppice/process.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>

using coppice::exit_reason;

namespace {

// Turn after turn, until it is interrupted.
template <class Coroutine = coroutine<>>
Coroutine take_turns(int& turns) {
  for (;; ++turns) co_await coppice::yield();
}

coppice::task<> task_within(int& turns) { co_await take_turns<coppice::task<>>(turns); }

coroutine<> in_task(int& turns) { co_await task_within(turns); }

coroutine<> in_awaitable(int& turns) {
  auto within = take_turns<beside>(turns);
  co_await std::move(within);
}

coroutine<> in_helper(int& turns) {
  const auto ex = co_await asio::this_coro::executor;
  co_await asio::co_spawn(ex, take_turns<beside>(turns), use_coroutine);
}

using body_function = std::function<coroutine<>(int&)>;

const std::map<std::string, body_function>& ways() {
  static const std::map<std::string, body_function> all{
      {"by itself", &take_turns<>},
      {"in a task", &in_task},
      {"in an awaitable", &in_awaitable},
      {"in a helper coroutine", &in_helper},
  };
  return all;
}

void steps(asio::io_context& io, int count) {
  for (; count > 0; --count) {
    io.restart();
    io.poll_one();
  }
}

coroutine<> say(std::string& log, char what, int times) {
  for (; times > 0; --times) {
    log += what;
    co_await coppice::yield();
  }
}

}  // namespace

TEST_CASE("whoever is ready has a turn before the one that yields") {
  world w;
  std::string log;
  coppice::spawn(w.io, say(log, 'a', 3));
  coppice::spawn(w.io, say(log, 'b', 2));
  coppice::spawn(w.io, say(log, 'c', 3));
  w.clock.settle();
  CHECK(log == "abcabcac");
}

TEST_CASE("handlers of the io_context have their turns beside processes that only yield") {
  world w;
  int turns = 0;
  int seen = -1;
  const coppice::pid p = coppice::spawn(w.io, take_turns<>(turns));
  steps(w.io, 2);
  asio::post(w.io, [&] { seen = turns; });
  steps(w.io, 3);
  CHECK(seen > 0);
  coppice::kill(p);
  w.clock.settle();
}

// PROC-03
TEST_CASE("a request to stop interrupts one yield, and the clean-up yields as it likes") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, way] : ways()) {
      for (int asked_at = 1; asked_at < 8; ++asked_at) {
        for (const bool by_process : {false, true}) {
          CAPTURE(hint);
          CAPTURE(name);
          CAPTURE(asked_at);
          CAPTURE(by_process);
          world w{hint};
          int turns = 0;
          int interrupted = 0;
          int cleaned = 0;
          const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
            try {
              co_await way(turns);
            } catch (const boost::system::system_error& e) {
              if (e.code() == asio::error::operation_aborted) ++interrupted;
            }
            for (; cleaned < 200; ++cleaned) co_await coppice::yield();
            co_await coppice::exit(exit_reason::shutdown("clean"));
          });
          const ending end{p};
          if (by_process) {
            coppice::spawn(w.io, [&]() -> coroutine<> {
              for (int i = 0; i < asked_at; ++i) co_await coppice::yield();
              coppice::exit(p, exit_reason::shutdown());
            });
          } else {
            steps(w.io, asked_at);
            coppice::exit(p, exit_reason::shutdown());
          }
          w.clock.settle();
          CHECK(turns > 0);
          CHECK(interrupted == 1);
          CHECK(cleaned == 200);
          CHECK(end.text() == "shutdown: clean");
        }
      }
    }
  }
}

// PROC-03
TEST_CASE("a request to stop reaches the body that yields and its helper that waits") {
  world w;
  int turns = 0;
  std::string log;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    const traced at_end{log, "body"};
    const auto ex = co_await asio::this_coro::executor;
    auto helper = [](std::string& l) -> beside {
      const traced helped{l, "helper"};
      co_await coppice::sleep_for(1h);
    };
    asio::co_spawn(ex, helper(log), asio::detached);
    co_await take_turns<>(turns);
  });
  const ending end{p};
  steps(w.io, 3);
  coppice::exit(p, exit_reason::shutdown());
  w.clock.settle();
  CHECK(end.text() == "shutdown");
  w.clock.advance(2h);
  CHECK(log == "body helper ");
}

// PROC-05
TEST_CASE("a process that yields is killed between two of its turns") {
  for (const auto& [name, way] : ways()) {
    CAPTURE(name);
    world w;
    int turns = 0;
    std::string log;
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      const traced at_end{log, "gone"};
      co_await way(turns);
    });
    const ending end{p};
    steps(w.io, 3);
    REQUIRE(p.alive());
    coppice::kill(p);
    const int before = turns;
    w.clock.settle();
    CHECK(turns == before);
    CHECK(end.text() == "killed");
    CHECK(log == "gone ");
  }
}

TEST_CASE("what yields when the io_context goes is destroyed with it") {
  for (const auto& [name, way] : ways()) {
    CAPTURE(name);
    std::string log;
    int turns = 0;
    {
      world w;
      coppice::spawn(w.io, [&]() -> coroutine<> {
        const traced at_end{log, "gone"};
        co_await way(turns);
      });
      steps(w.io, 3);
      CHECK(log.empty());
    }
    CHECK(log == "gone ");
  }
}
