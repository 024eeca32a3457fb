#include <coppice/init_ack.hpp>
#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <any>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using asio::ip::tcp;
using coppice::errc;
using coppice::exit_reason;
using coppice::init_ack;

namespace {

coroutine<> asleep() { co_await coppice::sleep_for(24h); }

// What became of one start_child.
struct outcome {
  boost::system::error_code error;
  coppice::started_child child;
  std::string failure;
  bool answered = false;
};

outcome start(world& w, const coppice::child_spec& spec) {
  const auto sup = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  w.clock.settle();
  outcome result;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto adding = sup.start_child(spec);
    auto ready = adding.ready();
    auto [ec, child] = co_await std::move(ready)(asio::as_tuple(use_coroutine));
    result = {ec, child, adding.failure().to_string(), true};
  });
  w.clock.advance(1s);
  if (!result.answered) w.clock.advance(1h);
  return result;
}

outcome start(world& w, std::function<coroutine<>(init_ack)> body) {
  return start(w, coppice::worker("child", std::move(body)));
}

}  // namespace

// INIT-01
TEST_CASE("a start is answered when the process acknowledges it, with what it said") {
  world w;
  const outcome o = start(w, [](init_ack up) -> coroutine<> {
    co_await coppice::sleep_for(500ms);
    up.ready(std::string{"hello"});
    co_await asleep();
  });
  CHECK(o.answered);
  CHECK_FALSE(o.error);
  CHECK(o.child.process.alive());
  CHECK(o.child.info_as<std::string>() == "hello");
}

// INIT-01
TEST_CASE("only the first acknowledgement counts, and a late copy of it does nothing") {
  world w;
  std::optional<init_ack> kept;
  const outcome o = start(w, coppice::worker("child", [&kept](init_ack up) -> coroutine<> {
                               kept = up;
                               up.ready(1);
                               up.ready(2);
                               co_await coppice::sleep_for(10s);
                             }).with_restart(coppice::temporary));
  CHECK(o.child.info_as<int>() == 1);
  kept->ready(3);
  w.clock.advance(10s);
  CHECK_FALSE(o.child.process.alive());
  kept->ready(4);
  coppice::spawn(w.io, asleep);
  kept->ready(5);
  w.clock.settle();
}

// INIT-01
TEST_CASE("a helper coroutine of the process may acknowledge for it") {
  world w;
  const outcome o = start(w, [](init_ack up) -> coroutine<> {
    auto helper = [](init_ack on_behalf) -> beside {
      co_await coppice::sleep_for(1s);
      on_behalf.ready();
    };
    asio::co_spawn(co_await asio::this_coro::executor, helper(up), asio::detached);
    co_await asleep();
  });
  CHECK_FALSE(o.error);
  CHECK(o.child.process.alive());
}

// INIT-01, INIT-02
TEST_CASE("a process that ends before it has acknowledged has failed, with its reason") {
  struct {
    std::function<coroutine<>(init_ack)> body;
    const char* failure;
  } const cases[] = {
      {[](init_ack) -> coroutine<> { throw std::runtime_error{"at once"}; },
       "std::runtime_error: at once"},
      {[](init_ack) -> coroutine<> {
         co_await coppice::sleep_for(1s);
         throw std::runtime_error{"later"};
       },
       "std::runtime_error: later"},
      {[](init_ack up) -> coroutine<> { co_await up.fail(exit_reason::error("no")); }, "error: no"},
      {[](init_ack up) -> coroutine<> { co_await up.fail(exit_reason::shutdown("no")); },
       "shutdown: no"},
      {[](init_ack) -> coroutine<> {
         coppice::kill(coppice::self());
         co_await asleep();
       },
       "killed"},
      {[](init_ack) -> coroutine<> { co_await coppice::exit(exit_reason::shutdown("leaving")); },
       "shutdown: leaving"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.failure);
    world w;
    const outcome o = start(w, c.body);
    CHECK(o.error == errc::start_failed);
    CHECK(o.failure == c.failure);
    CHECK_FALSE(o.child.process);
  }
}

// INIT-02, INIT-04
TEST_CASE("a process that asks not to be started is no failure, and nothing is reported") {
  world w;
  std::string log;
  const outcome o = start(w, [&log](init_ack up) -> coroutine<> {
    const traced frame{log, "frame"};
    co_await up.ignore();
    log += "returned ";
  });
  CHECK(o.answered);
  CHECK_FALSE(o.error);
  CHECK_FALSE(o.child.process);
  CHECK(log == "frame ");
  CHECK(w.reports.empty());
}

// INIT-03
TEST_CASE("a failed start leaves nothing behind: what it held is free when that is told") {
  world w;
  const auto sup = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  unsigned short port = 0;
  int bound = 0;
  const ending end{coppice::spawn(w.io, [&]() -> coroutine<> {
    for (int i = 0; i < 30; ++i) {
      auto adding =
          sup.start_child(coppice::worker("listener", [&, i](init_ack up) -> coroutine<> {
                            const tcp::acceptor acceptor{
                                co_await asio::this_coro::executor, {tcp::v4(), port}, false};
                            port = acceptor.local_endpoint().port();
                            ++bound;
                            if (i % 3 == 0) throw std::runtime_error{"thrown"};
                            if (i % 3 == 1) co_await up.fail(exit_reason::error("failed"));
                            co_await asleep();
                          }).with_start_limit(1s));
      auto ready = adding.ready();
      const auto [ec, child] = co_await std::move(ready)(asio::as_tuple(use_coroutine));
      CHECK(ec == errc::start_failed);
    }
  })};
  w.clock.advance(1min);
  CHECK(end.text() == "normal");
  CHECK(bound == 30);
}

// INIT-05
TEST_CASE("a failing start is an answer and no signal: the starter lives on") {
  world w;
  const coppice::pid starter = coppice::spawn(w.io, []() -> coroutine<> {
    const auto sup =
        coppice::start_supervisor_link(coppice::supervisor_spec{.strategy = coppice::one_for_one});
    auto adding = sup.start_child(
        coppice::worker("child", [](init_ack) -> coroutine<> { throw std::runtime_error{"no"}; }));
    auto ready = adding.ready();
    const auto [ec, child] = co_await std::move(ready)(asio::as_tuple(use_coroutine));
    CHECK(ec == errc::start_failed);
    co_await asleep();
  });
  w.clock.settle();
  CHECK(starter.alive());
}

// INIT-06
TEST_CASE("a start that takes longer than its limit is killed, and answered with timeout") {
  world w;
  std::string log;
  const outcome o = start(w, coppice::worker("child", [&log](init_ack) -> coroutine<> {
                               const traced frame{log, "frame"};
                               for (;;) {
                                 try {
                                   co_await asleep();
                                 } catch (...) {
                                 }
                               }
                             }).with_start_limit(700ms));
  CHECK(o.error == errc::start_failed);
  CHECK(o.failure == "timeout");
  CHECK(log == "frame ");
}

// INIT-07
TEST_CASE("a body that takes no init_ack is up as soon as it is spawned") {
  world w;
  const auto sup = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  bool ran = false;
  bool up = false;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto adding = sup.start_child(coppice::worker("child", [&ran]() -> coroutine<> {
      ran = true;
      co_await asleep();
    }));
    const auto child = co_await adding.ready();
    up = child.process.alive();
  });
  w.clock.settle();
  CHECK(up);
  CHECK(ran);
}

TEST_CASE("a body that takes an init_ack may run without anybody waiting for it") {
  world w;
  const ending end{coppice::spawn(w.io, [](init_ack up) -> coroutine<> {
    up.ready(std::string{"nobody listens"});
    co_await coppice::sleep_for(1s);
  })};
  const ending ignored{
      coppice::spawn(w.io, [](init_ack up) -> coroutine<> { co_await up.ignore(); })};
  w.clock.advance(1s);
  CHECK(end.text() == "normal");
  CHECK(ignored.text() == "normal");
}

// INIT-04
TEST_CASE("a quiet failure of a process that nobody supervises is not reported, a loud one is") {
  world w;
  for (const exit_reason& why : {exit_reason::normal(), exit_reason::shutdown("not today")}) {
    coppice::spawn(w.io, [why](init_ack up) -> coroutine<> { co_await up.fail(why); });
  }
  w.clock.settle();
  CHECK(w.reports.empty());
  coppice::spawn(
      w.io, [](init_ack up) -> coroutine<> { co_await up.fail(exit_reason::error("broken")); });
  w.clock.settle();
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0].find("broken") != std::string::npos);
}
