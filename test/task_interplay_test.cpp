// Tasks where awaitables stand: awaited by them, as handlers and hooks of servers, as asynchronous
// functions.

#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using asio::use_awaitable;
using coppice::exit_reason;
using coppice::task;

namespace {

task<int> square(int n) { co_return n* n; }
task<int> later(int n) {
  co_await coppice::sleep_for(1s);
  co_return n;
}
task<> failing(std::string text) {
  co_await coppice::sleep_for(1s);
  throw std::runtime_error{text};
}
task<> failing_at_once() {
  throw std::runtime_error{"at once"};
  co_return;
}
task<> waiting(std::string& log, std::string name) {
  const traced t{log, std::move(name)};
  co_await coppice::sleep_for(1h);
}
task<> on_timer(std::string& log, std::string name) {
  const traced t{log, std::move(name)};
  asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
  co_await timer.async_wait(asio::deferred);
}
task<> nested(std::string& log, std::string name) {
  const traced t{log, name + "'s parent"};
  auto child = on_timer(log, std::move(name));
  co_await std::move(child);
}

}  // namespace

TEST_CASE("an awaitable awaits tasks, which run as its process") {
  world w;
  std::string log;
  coppice::pid seen;
  const auto as_whom = [](coppice::pid& to) -> task<> {
    co_await coppice::sleep_for(0s);
    to = coppice::self();
  };
  const auto p = coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
    auto looking = as_whom(seen);
    co_await std::move(looking);
    auto prompt = square(3)(use_awaitable);
    log += std::to_string(co_await std::move(prompt)) + ' ';
    auto slow = later(4)(use_awaitable);
    log += std::to_string(co_await std::move(slow)) + ' ';
    try {
      auto bad = failing("too late");
      co_await std::move(bad);
    } catch (const std::runtime_error& e) {
      log += e.what();
      log += ' ';
    }
    try {
      auto bad = failing_at_once();
      co_await std::move(bad);
    } catch (const std::runtime_error& e) {
      log += e.what();
    }
  });
  const ending end{p};
  w.clock.settle();
  CHECK(log == "9 ");
  CHECK(seen == p);
  w.clock.advance(1s);
  CHECK(log == "9 4 ");
  w.clock.advance(1s);
  CHECK(log == "9 4 too late at once");
  CHECK(end.text() == "normal");
}

TEST_CASE("a process is killed while its awaitable awaits a task") {
  world w;
  std::string log;
  coppice::pid p;
  const auto start = [&](auto make) {
    p = coppice::spawn(w.io, [&log, make]() -> asio::awaitable<void> {
      const traced t{log, "awaitable"};
      auto inner = make();
      co_await std::move(inner);
      log += "never ";
    });
    w.clock.settle();
  };
  SUBCASE("that waits for coppice") {
    start([&] { return waiting(log, "task"); });
    coppice::kill(p);
    w.clock.settle();
    CHECK(log == "task awaitable ");
  }
  SUBCASE("that waits for Asio") {
    start([&] { return on_timer(log, "task"); });
    coppice::kill(p);
    w.clock.settle();
    CHECK(log == "task awaitable ");
  }
  SUBCASE("that awaits another") {
    start([&] { return nested(log, "task"); });
    coppice::kill(p);
    w.clock.settle();
    CHECK(log == "task task's parent awaitable ");
  }
  CHECK_FALSE(p.alive());
}

TEST_CASE("a request to stop reaches a task that an awaitable awaits, once") {
  world w;
  std::string log;
  const auto stubborn = [](std::string& to, bool asio_timer) -> task<> {
    try {
      if (asio_timer) {
        asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
        co_await timer.async_wait(asio::deferred);
      } else {
        co_await coppice::sleep_for(1h);
      }
    } catch (const boost::system::system_error& e) {
      to += e.code() == asio::error::operation_aborted ? "stopped " : "? ";
    }
    co_await coppice::sleep_for(1s);
    to += "cleaned ";
  };
  for (const bool asio_timer : {false, true}) {
    log.clear();
    const auto p = coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
      auto inner = stubborn(log, asio_timer);
      co_await std::move(inner);
      log += "up";
    });
    const ending end{p};
    w.clock.settle();
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(log == "stopped ");
    w.clock.advance(1s);
    CHECK(log == "stopped cleaned up");
    CHECK(end.text() == "normal");
  }
}

TEST_CASE("the loser of a race is a task, and is cancelled") {
  using namespace asio::experimental::awaitable_operators;
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
    auto race = waiting(log, "one")(use_awaitable) || on_timer(log, "two")(use_awaitable) ||
                later(1)(use_awaitable);
    co_await std::move(race);
    log += "over";
  });
  const ending end{p};
  w.clock.advance(1s);
  for (int i = 0; i < 100 && end.text() == "not yet"; ++i) w.clock.settle();
  CHECK(end.text() == "normal");
  CHECK(log.find("one ") != std::string::npos);
  CHECK(log.find("two ") != std::string::npos);
  CHECK(log.ends_with("over"));
}

TEST_CASE("tasks and awaitables await one another to any depth") {
  struct ladder {
    static asio::awaitable<int> even(int depth) {
      if (depth == 0) {
        co_await coppice::sleep_for(1s);
        co_return 0;
      }
      auto below = odd(depth - 1)(use_awaitable);
      co_return 1 + co_await std::move(below);
    }
    static task<int> odd(int depth) {
      auto below = even(depth - 1);
      co_return 1 + co_await std::move(below);
    }
  };
  world w;
  int result = 0;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    auto top = ladder::even(20);
    result = co_await std::move(top);
  });
  const ending end{p};
  w.clock.settle();
  SUBCASE("and return") {
    w.clock.advance(1s);
    CHECK(result == 20);
    CHECK(end.text() == "normal");
  }
  SUBCASE("and are killed") {
    coppice::kill(p);
    w.clock.settle();
    CHECK(end.text() == "killed");
  }
  SUBCASE("and are stopped") {
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(end.text() == "shutdown");
  }
}

TEST_CASE("a task is awaited within a process only") {
  world w;
  std::exception_ptr error;
  asio::co_spawn(
      w.io,
      []() -> asio::awaitable<void> {
        auto outside = square(2)(use_awaitable);
        co_await std::move(outside);
      },
      [&error](std::exception_ptr e) { error = std::move(e); });
  w.io.run();
  CHECK_THROWS_AS(std::rethrow_exception(error), std::logic_error);
}

TEST_CASE("an io_context goes while an awaitable awaits a task") {
  std::string log;
  {
    world w;
    coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
      const traced t{log, "awaitable"};
      auto inner = waiting(log, "task");
      co_await std::move(inner);
    });
    coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
      auto inner = nested(log, "other");
      co_await std::move(inner);
    });
    w.clock.settle();
  }
  CHECK(log.find("task awaitable ") != std::string::npos);
  CHECK(log.find("other other's parent ") != std::string::npos);
}

namespace {

// Everything that a server can do in a coroutine, done in tasks.
class clerk {
 public:
  struct twice {
    using reply = int;
    int of;
  };
  struct forward {
    using reply = std::string;
  };
  struct note {
    std::string text;
  };
  struct fail {
    using reply = int;
  };

  explicit clerk(std::string* log) : log_{log} {}

  task<> init() {
    co_await coppice::sleep_for(1s);
    *log_ += "up ";
  }
  task<int> handle(twice m) {
    co_await coppice::sleep_for(1s);
    co_return 2 * m.of;
  }
  task<> handle(forward, coppice::reply_to<std::string> to) {
    co_await coppice::sleep_for(1s);
    std::move(to)("forwarded");
  }
  task<> handle(note m) {
    co_await coppice::sleep_for(1s);
    *log_ += m.text + ' ';
    coppice::this_server::idle_after(1s);
  }
  task<int> handle(fail) {
    co_await coppice::sleep_for(1s);
    throw std::runtime_error{"failed"};
  }
  task<> handle(coppice::idle_timeout) {
    *log_ += "idle ";
    co_return;
  }
  task<> terminate(const exit_reason& why) {
    co_await coppice::sleep_for(1s);
    *log_ += "ended: " + why.to_string();
  }

 private:
  std::string* log_;
};

}  // namespace

TEST_CASE("handlers and hooks of a server are tasks") {
  world w;
  std::string log;
  const auto server = coppice::start_server<clerk>(w.io, "clerk", &log);
  int doubled = 0;
  std::string forwarded;
  server.call(clerk::twice{4},
              coppice::infinity)([&](const boost::system::error_code&, int r) { doubled = r; });
  server.call(clerk::forward{}, coppice::infinity)(
      [&](const boost::system::error_code&, std::string r) { forwarded = std::move(r); });
  server.cast(clerk::note{"noted"});
  w.clock.advance(1s);
  CHECK(log == "up ");
  w.clock.advance(1s);
  CHECK(doubled == 8);
  w.clock.advance(1s);
  CHECK(forwarded == "forwarded");
  w.clock.advance(1s);
  CHECK(log == "up noted ");
  w.clock.advance(1s);
  CHECK(log == "up noted idle ");

  const ending end{server.whereis()};
  SUBCASE("stopped") {
    server.stop()([](const boost::system::error_code&) {});
    w.clock.advance(1s);
    CHECK(log == "up noted idle ended: normal");
    CHECK(end.text() == "normal");
  }
  SUBCASE("failing") {
    boost::system::error_code error;
    server.call(clerk::fail{},
                coppice::infinity)([&](const boost::system::error_code& ec, int) { error = ec; });
    w.clock.advance(1s);
    w.clock.advance(1s);
    CHECK(error == coppice::errc::died);
    CHECK(end.text().find("failed") != std::string::npos);
    CHECK(log.starts_with("up noted idle ended: "));
  }
  SUBCASE("killed") {
    server.cast(clerk::note{"never"});
    w.clock.settle();
    coppice::kill(server.whereis());
    w.clock.settle();
    CHECK(end.text() == "killed");
    CHECK(log == "up noted idle ");
  }
}

TEST_CASE("asynchronous functions are tasks") {
  world w;
  std::string log;
  coppice::spawn(w.io, [&]() -> task<> {
    auto four = coppice::async(later(4));
    auto nine = coppice::async([] { return square(3); });
    log += std::to_string(co_await four.await()) + ' ';
    log += std::to_string(co_await nine.await()) + ' ';
    auto squares = coppice::async_stream(std::vector{1, 2, 3}, square);
    for (;;) {
      auto next = squares.next();
      const auto item = co_await std::move(next);
      if (!item) break;
      log += std::to_string(item->value()) + ' ';
    }
    coppice::mailbox<coppice::exit_signal> ends;
    coppice::trap_exit(ends);
    auto bad = coppice::async(failing("not that one"));
    auto yielding = bad.yield();
    const auto outcome = co_await std::move(yielding);
    log += outcome && outcome->has_error() ? "failed" : "?";
  });
  w.clock.advance(1s);
  w.clock.advance(1s);
  CHECK(log == "4 9 1 4 9 failed");
}

TEST_CASE("a task hears that an operation has not begun when nothing of that is left") {
  for (const bool called : {false, true}) {
    CAPTURE(called);
    world w;
    std::string log;
    std::function<void(bool)> left;
    const auto begin = [&](auto&& token) {
      return asio::async_initiate<decltype(token), void(boost::system::error_code)>(
          [&](auto handler) {
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            left = [kept](bool calls) mutable {
              if (calls) {
                const auto ex = asio::get_associated_executor(*kept);
                asio::dispatch(ex, [h = std::move(*kept)]() mutable {
                  std::move(h)(boost::system::error_code{});
                });
              }
              kept.reset();
            };
            throw std::runtime_error{"no start"};
          },
          token);
    };
    const ending end{coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "body"};
      try {
        co_await begin(asio::deferred);
      } catch (const std::runtime_error& e) {
        log += e.what() + std::string{", "};
      }
      co_await coppice::sleep_for(1s);
    })};
    w.clock.settle();
    CHECK(log == "");
    left(called);
    left = nullptr;
    w.clock.settle();
    CHECK(log == "no start, ");
    w.clock.advance(1s);
    CHECK(log == "no start, body ");
    CHECK(end.text() == "normal");
  }
}
