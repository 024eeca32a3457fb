#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <stdexcept>
#include <string>

using coppice::exit_reason;
using coppice::task;

namespace {

task<int> number(int n) { co_return n; }
task<int> later(int n) {
  co_await coppice::sleep_for(1s);
  co_return n;
}
task<> failing(std::string text) {
  co_await coppice::sleep_for(0s);
  throw std::runtime_error{text};
}

}  // namespace

TEST_CASE("a task is a process body") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    log += coppice::self().to_string();
    co_await coppice::sleep_for(1s);
    log += " done";
  });
  CHECK(log.empty());
  w.clock.settle();
  CHECK(log == p.to_string());
  w.clock.advance(1s);
  CHECK(log == p.to_string() + " done");
  CHECK_FALSE(p.alive());
}

TEST_CASE("a task awaits tasks, whether they wait or not") {
  world w;
  int sum = 0;
  coppice::spawn(w.io, [&]() -> task<> {
    sum += co_await number(1);
    sum += co_await later(10);
    sum += co_await number(100);
    sum += co_await later(1000);
  });
  w.clock.settle();
  CHECK(sum == 1);
  w.clock.advance(1s);
  CHECK(sum == 111);
  w.clock.advance(1s);
  CHECK(sum == 1111);
}

TEST_CASE("a hundred thousand tasks in a row need no stack") {
  world w;
  int sum = 0;
  coppice::spawn(w.io, [&]() -> task<> {
    for (int i = 0; i < 100'000; ++i) sum += co_await number(1);
  });
  w.clock.settle();
  CHECK(sum == 100'000);
}

TEST_CASE("an exception passes from task to task, and ends the process if nobody takes it") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    try {
      co_await failing("first");
    } catch (const std::runtime_error& e) {
      log = e.what();
    }
    co_await failing("second");
  });
  const ending end{p};
  w.clock.settle();
  CHECK(log == "first");
  CHECK(end.text() == "std::runtime_error: second");
}

TEST_CASE("a killed task is destroyed where it waits, from the inside out") {
  world w;
  std::string log;
  const auto inner = [](std::string& l) -> task<> {
    const traced t{l, "inner"};
    co_await coppice::sleep_for(1h);
  };
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    const traced t{log, "outer"};
    co_await inner(log);
  });
  const ending end{p};
  w.clock.settle();
  coppice::kill(p);
  w.clock.settle();
  CHECK(log == "inner outer ");
  CHECK(end.text() == "killed");
}

TEST_CASE("a request to stop cancels what a task waits for, once") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    try {
      co_await coppice::sleep_for(1h);
    } catch (const boost::system::system_error& e) {
      log += e.code() == asio::error::operation_aborted ? "stopped " : "? ";
    }
    co_await coppice::sleep_for(1s);
    log += "cleaned up";
    co_await coppice::exit(exit_reason::shutdown("done"));
  });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown());
  coppice::exit(p, exit_reason::shutdown());
  w.clock.settle();
  CHECK(log == "stopped ");
  w.clock.advance(1s);
  CHECK(log == "stopped cleaned up");
  CHECK(end.text() == "shutdown: done");
}

TEST_CASE("a task that lets a stop pass ends with the reason it was asked to") {
  world w;
  const auto p = coppice::spawn(w.io, []() -> task<> { co_await coppice::sleep_for(1h); });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown("enough"));
  w.clock.settle();
  CHECK(end.text() == "shutdown: enough");
}

TEST_CASE("a task awaits operations of Asio, which a stop cancels") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_after(-1s);
    co_await timer.async_wait(asio::deferred);
    log += "once ";
    co_await asio::post(timer.get_executor(), asio::deferred);
    log += "posted ";
    timer.expires_at(std::chrono::steady_clock::time_point::max());
    try {
      co_await timer.async_wait(asio::deferred);
    } catch (const boost::system::system_error&) {
      log += "stopped";
    }
  });
  const ending end{p};
  while (log != "once posted ") w.io.run_one();
  w.clock.settle();
  SUBCASE("and a kill destroys") {
    coppice::kill(p);
    w.clock.settle();
    CHECK(log == "once posted ");
    CHECK(end.text() == "killed");
  }
  SUBCASE("once") {
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(log == "once posted stopped");
    CHECK(end.text() == "normal");
  }
}

TEST_CASE("a task awaits an awaitable") {
  world w;
  std::string log;
  const auto inner = [](int n) -> asio::awaitable<int> {
    co_await coppice::sleep_for(1s);
    if (n == 0) throw std::runtime_error{"zero"};
    co_return n;
  };
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    auto first = inner(7);
    log += std::to_string(co_await std::move(first)) + ' ';
    auto second = inner(0);
    try {
      co_await std::move(second);
    } catch (const std::runtime_error& e) {
      log += e.what();
    }
    auto third = inner(1);
    co_await std::move(third);
  });
  const ending end{p};
  w.clock.advance(1s);
  w.clock.advance(1s);
  CHECK(log == "7 zero");
  SUBCASE("and is stopped in it") {
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(end.text() == "shutdown");
  }
  SUBCASE("and is killed in it") {
    coppice::kill(p);
    w.clock.settle();
    CHECK(end.text() == "killed");
  }
}

TEST_CASE("a task that is called already can be spawned, and one that never runs is destroyed") {
  world w;
  std::string log;
  const auto body = [](std::string& l, traced t) -> task<> {
    [[maybe_unused]] const traced kept{std::move(t)};
    l += "ran ";
    co_return;
  };
  coppice::spawn(w.io, body(log, traced{log, "first"}));
  w.clock.settle();
  CHECK(log == "ran first ");
  const auto p = coppice::spawn(w.io, body(log, traced{log, "second"}));
  coppice::kill(p);
  w.clock.settle();
  CHECK(log == "ran first second ");
}

TEST_CASE("a supervised task is restarted, acknowledges its start, and is stopped") {
  world w;
  int starts = 0;
  const auto sup = coppice::start_supervisor(
      w.io, {.strategy = coppice::one_for_one,
             .children = {coppice::worker("w", [&](coppice::init_ack up) -> task<> {
               co_await coppice::sleep_for(1s);
               up.ready();
               if (++starts < 3) throw std::runtime_error{"crash"};
               co_await coppice::sleep_for(1h);
             })}});
  w.clock.advance(1s);
  w.clock.advance(1s);
  w.clock.advance(1s);
  CHECK(starts == 3);
  bool stopped = false;
  sup.stop()([&](const boost::system::error_code& ec) { stopped = !ec; });
  w.clock.settle();
  CHECK(stopped);
}

TEST_CASE("the io_context may go while tasks wait") {
  std::string log;
  {
    world w;
    coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "own"};
      co_await coppice::sleep_for(1h);
    });
    coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "asio"};
      asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
      co_await timer.async_wait(asio::deferred);
    });
    coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "unborn"};
      co_return;
    });
  }
  CHECK(log.empty());
  {
    world w;
    coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "own"};
      co_await coppice::sleep_for(1h);
    });
    coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "asio"};
      asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
      co_await timer.async_wait(asio::deferred);
    });
    w.clock.settle();
  }
  CHECK(log.find("own") != std::string::npos);
  CHECK(log.find("asio") != std::string::npos);
}
