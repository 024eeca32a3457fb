#include <coppice/down.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process.hpp>
#include <coppice/send_after.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace asio::experimental::awaitable_operators;
using coppice::exit_reason;
using coppice::send_result;

namespace {

// Waits for the first of two.
beside as_one(beside a, beside b) {
  auto race = std::move(a) || std::move(b);
  co_await std::move(race);
}

// Runs it as a process to its end, with as much time as it needs within a day.
void play(world& w, std::function<coroutine<>()> body) {
  const ending end{coppice::spawn(w.io, std::move(body))};
  w.clock.advance(24h);
  CHECK(end.text() == "normal");
}

}  // namespace

// PROC-18
TEST_CASE("messages arrive in the order of sending, before the receive and during it") {
  world w;
  std::vector<int> got;
  coppice::address<int> to;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    to = box.get_address();
    for (int i = 0; i < 3; ++i) to.send(i);
    for (;;) got.push_back(co_await box.receive());
  });
  w.clock.settle();
  CHECK(got == std::vector<int>{0, 1, 2});
  coppice::spawn(w.io, [&]() -> coroutine<> {
    to.send(3);
    to.send(4);
    co_await coppice::sleep_for(0s);
    to.send(5);
  });
  w.clock.settle();
  CHECK(got == std::vector<int>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("a process with many messages lets others have their turns") {
  world w;
  std::string turns;
  const auto taker = [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    for (int i = 0; i < 1000; ++i) box.get_address().send(i);
    for (int i = 0; i < 1000; ++i) CHECK(co_await box.receive() == i);
    turns += "t";
  };
  const auto other = [&]() -> coroutine<> {
    for (int i = 0; i < 10; ++i) co_await coppice::yield();
    turns += "o";
  };
  coppice::spawn(w.io, taker);
  coppice::spawn(w.io, other);
  w.clock.settle();
  CHECK(turns == "ot");
}

TEST_CASE("a process that is killed by itself takes no further message") {
  world w;
  int taken = 0;
  const auto body = [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    for (int i = 0; i < 10; ++i) box.get_address().send(i);
    for (;;) {
      co_await box.receive();
      if (++taken == 5) coppice::kill(coppice::self());
    }
  };
  const ending ended{coppice::spawn(w.io, body)};
  w.clock.settle();
  CHECK(taken == 5);
  CHECK(ended.text() == "killed");
}

TEST_CASE("a process that asks itself to stop hears of it at the next receive, and loses nothing") {
  world w;
  int taken = 0;
  std::size_t left = 0;
  const auto body = [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    for (int i = 0; i < 10; ++i) box.get_address().send(i);
    try {
      for (;;) {
        co_await box.receive();
        if (++taken == 5) coppice::exit(coppice::self(), exit_reason::shutdown());
      }
    } catch (const boost::system::system_error&) {
      left = box.size();
    }
  };
  const ending ended{coppice::spawn(w.io, body)};
  w.clock.settle();
  CHECK(taken == 5);
  CHECK(left == 5);
}

TEST_CASE("of two mailboxes that race, the loser keeps its message") {
  world w;
  std::size_t left = 0;
  const auto body = [&]() -> coroutine<> {
    coppice::mailbox<int> a;
    coppice::mailbox<int> b;
    a.get_address().send(1);
    b.get_address().send(2);
    const auto from = [](coppice::mailbox<int>& box) -> beside {
      static_cast<void>(co_await box.receive());
    };
    beside race = as_one(from(a), from(b));
    co_await std::move(race);
    left = a.size() + b.size();
  };
  coppice::spawn(w.io, body);
  w.clock.settle();
  CHECK(left == 1);
}

TEST_CASE("a frame that ends amid messages that were waiting goes with all it held") {
  world w;
  const auto held = std::make_shared<int>();
  const auto body = [held]() -> coroutine<> {
    coppice::mailbox<std::shared_ptr<int>> box;
    for (int i = 0; i < 50; ++i) box.get_address().send(held);
    for (int i = 0; i < 20; ++i) co_await box.receive();
    throw std::runtime_error{"amid"};
  };
  const ending ended{coppice::spawn(w.io, body)};
  w.clock.settle();
  CHECK(ended.text() == "std::runtime_error: amid");
  CHECK(held.use_count() == 2);
}

TEST_CASE("a full mailbox refuses, drops the newest or drops the oldest, as it was told") {
  using coppice::overflow;
  struct {
    overflow when_full;
    send_result answer;
    std::vector<int> kept;
  } const cases[] = {{overflow::refuse, send_result::refused, {1, 2}},
                     {overflow::drop_newest, send_result::dropped, {1, 2}},
                     {overflow::drop_oldest, send_result::dropped_oldest, {3, 4}}};
  for (const auto& c : cases) {
    coppice::mailbox<int> box{{.limit = 2, .when_full = c.when_full}};
    CHECK(box.get_address().send(1) == send_result::delivered);
    CHECK(box.get_address().send(2) == send_result::delivered);
    CHECK(box.get_address().send(3) == c.answer);
    CHECK(box.get_address().send(4) == c.answer);
    CHECK(box.size() == 2);
    std::vector<int> kept;
    while (const std::optional<int> m = box.try_receive()) kept.push_back(*m);
    CHECK(kept == c.kept);
    CHECK(box.get_address().send(5) == send_result::delivered);
    CHECK(box.try_receive() == 5);
  }
  CHECK_THROWS_AS(coppice::mailbox<int>(coppice::mailbox_options{.limit = 0}),
                  std::invalid_argument);
}

// PROC-19, PROC-21
TEST_CASE("sending to a mailbox that is gone is a silent no-op, told by the result") {
  coppice::address<std::string> to;
  CHECK(to.closed());
  CHECK(to.send("nowhere") == send_result::closed);
  {
    coppice::mailbox<std::string> box;
    to = box.get_address();
    CHECK_FALSE(to.closed());
    CHECK(to == box.get_address());
  }
  CHECK(to.closed());
  CHECK(to.send("too late") == send_result::closed);
}

TEST_CASE("a mailbox that is moved keeps its address and its messages") {
  coppice::mailbox<int> box;
  const coppice::address<int> to = box.get_address();
  to.send(1);
  coppice::mailbox<int> moved{std::move(box)};
  to.send(2);
  CHECK(moved.try_receive() == 1);
  CHECK(moved.try_receive() == 2);
  CHECK(moved.try_receive() == std::nullopt);
}

TEST_CASE("messages that nobody took are destroyed with the mailbox") {
  world w;
  const auto counted = std::make_shared<int>(0);
  coppice::address<std::shared_ptr<int>> to;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<std::shared_ptr<int>> box;
    to = box.get_address();
    co_await coppice::sleep_for(24h);
  });
  w.clock.settle();
  for (int i = 0; i < 5; ++i) to.send(counted);
  CHECK(counted.use_count() == 6);
  coppice::kill(p);
  w.clock.settle();
  CHECK(counted.use_count() == 1);
  to.send(counted);
  CHECK(counted.use_count() == 1);
}

TEST_CASE("a message need be neither copyable nor default constructible") {
  struct parcel {
    explicit parcel(int n) : content{std::make_unique<int>(n)} {}
    std::unique_ptr<int> content;
  };
  world w;
  play(w, []() -> coroutine<> {
    coppice::mailbox<parcel> box;
    box.get_address().send(parcel{7});
    const std::optional<parcel> got = co_await box.receive(1s);
    REQUIRE(got);
    CHECK(*got->content == 7);
  });
}

TEST_CASE("a receive waits as long as it was told, and a message that is there then wins") {
  world w;
  coppice::address<int> to;
  std::vector<std::optional<int>> got;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    to = box.get_address();
    coppice::send_after(to, 3s, 42);
    got.push_back(co_await box.receive(1s));
    got.push_back(co_await box.receive(2s));
    got.push_back(co_await box.receive(std::chrono::steady_clock::duration::max()));
  });
  w.clock.advance(999ms);
  CHECK(got.empty());
  w.clock.advance(1ms);
  CHECK(got == std::vector<std::optional<int>>{std::nullopt});
  w.clock.advance(2s);
  CHECK(got == std::vector<std::optional<int>>{std::nullopt, 42});
  w.clock.advance(24h * 365);
  CHECK(got.size() == 2);
  to.send(1);
  w.clock.settle();
  CHECK(got.back() == 1);
}

TEST_CASE("a receive with no time takes what is there, or what those who are ready send") {
  for (const auto limit : {0s, -1s}) {
    world w;
    play(w, [limit]() -> coroutine<> {
      coppice::mailbox<int> box;
      CHECK(co_await box.receive(limit) == std::nullopt);
      box.get_address().send(1);
      CHECK(co_await box.receive(limit) == 1);
      coppice::spawn([to = box.get_address()]() -> coroutine<> {
        to.send(2);
        co_return;
      });
      CHECK(co_await box.receive(limit) == 2);
      CHECK(co_await box.receive(limit) == std::nullopt);
    });
  }
}

TEST_CASE("a receive that is cancelled loses no message") {
  world w;
  int received = 0;
  coppice::address<int> to;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    to = box.get_address();
    auto one = [&]() -> beside {
      const int message = co_await box.receive();
      CHECK(message == received);
      ++received;
    };
    auto pause = []() -> beside { co_await coppice::sleep_for(1s); };
    while (received < 100) {
      auto either = one() || pause();
      co_await std::move(either);
    }
  });
  const ending end{p};
  coppice::spawn(w.io, [&]() -> coroutine<> {
    // Half of them come in the very moment in which the pause is over.
    for (int i = 0; i < 100; ++i) {
      co_await coppice::sleep_for(i % 2 == 0 ? 1s : 300ms);
      to.send(i);
    }
  });
  w.clock.advance(1h);
  CHECK(end.text() == "normal");
  CHECK(received == 100);
}

TEST_CASE("a process that is asked to stop amid a receive finds the message afterwards") {
  world w;
  std::string log;
  coppice::address<int> to;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    to = box.get_address();
    try {
      co_await box.receive();
    } catch (...) {
      log += "asked ";
    }
    log += std::to_string(co_await box.receive());
  });
  w.clock.settle();
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::exit(p, exit_reason::shutdown());
    co_await coppice::sleep_for(0s);
    to.send(7);
  });
  w.clock.settle();
  CHECK(log == "asked 7");
}

TEST_CASE("one receive at a time, and only in a process") {
  world w;
  coppice::mailbox<int> outside;
  CHECK_THROWS_AS(static_cast<void>(outside.receive()), std::logic_error);
  play(w, []() -> coroutine<> {
    coppice::mailbox<int> box;
    auto other = [&box]() -> beside { co_await box.receive(); };
    asio::co_spawn(co_await asio::this_coro::executor, other(), asio::detached);
    co_await coppice::sleep_for(0s);
    CHECK_THROWS_AS(static_cast<void>(box.receive()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(box.receive(1s)), std::logic_error);
  });
}

TEST_CASE("a receive from a mailbox that is destroyed completes, as aborted") {
  world w;
  bool aborted = false;
  play(w, [&aborted]() -> coroutine<> {
    auto box = std::make_unique<coppice::mailbox<int>>();
    auto other = [&]() -> beside {
      try {
        co_await box->receive();
      } catch (const boost::system::system_error& e) {
        aborted = e.code() == asio::error::operation_aborted;
      }
    };
    asio::co_spawn(co_await asio::this_coro::executor, other(), asio::detached);
    co_await coppice::sleep_for(0s);
    box.reset();
    co_await coppice::sleep_for(1s);
  });
  CHECK(aborted);
}

// PROC-22
TEST_CASE("a delayed message comes in time, tells what is left, and can be called back") {
  world w;
  play(w, [&w]() -> coroutine<> {
    coppice::mailbox<int> box;
    const auto start = w.clock.now();
    coppice::send_timer at = coppice::send_at(box.get_address(), start + 3s, 3);
    coppice::send_timer two = coppice::send_after(box.get_address(), 2s, 2);
    coppice::send_timer never = coppice::send_after(box.get_address(), 1s, 1);
    coppice::send_timer past = coppice::send_after(box.get_address(), -1s, 0);
    co_await coppice::sleep_for(500ms);
    CHECK(box.try_receive() == 0);
    CHECK(past.remaining() == std::nullopt);
    CHECK(past.cancel() == std::nullopt);
    CHECK(never.cancel() == 500ms);
    CHECK(never.cancel() == std::nullopt);
    CHECK(two.remaining() == 1500ms);
    CHECK(co_await box.receive() == 2);
    CHECK(w.clock.now() == start + 2s);
    CHECK(co_await box.receive() == 3);
    CHECK(w.clock.now() == start + 3s);
    CHECK(at.remaining() == std::nullopt);
    CHECK(coppice::send_timer{}.cancel() == std::nullopt);
  });
}

// PROC-23
TEST_CASE("a delayed message goes with the mailbox it was meant for") {
  world w;
  const auto content = std::make_shared<int>(1);
  coppice::send_timer timer;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<std::shared_ptr<int>> box;
    timer = coppice::send_after(box.get_address(), 1h, content);
    co_await coppice::sleep_for(24h);
  });
  w.clock.settle();
  CHECK(timer.remaining() == 1h);
  coppice::kill(p);
  w.clock.settle();
  CHECK(content.use_count() == 1);
  CHECK(timer.remaining() == std::nullopt);
  CHECK_FALSE(w.clock.jump());
}

// PROC-22
TEST_CASE("a delayed message survives its sender") {
  world w;
  std::optional<int> got;
  coppice::spawn(w.io, [&got]() -> coroutine<> {
    coppice::mailbox<int> box;
    coppice::spawn([to = box.get_address()]() -> coroutine<> {
      coppice::send_after(to, 1s, 5);
      co_return;
    });
    got = co_await box.receive();
  });
  w.clock.advance(1s);
  CHECK(got == 5);
}

TEST_CASE("a mailbox and its address may outlive the io_context") {
  coppice::mailbox<int> box;
  coppice::send_timer timer;
  const coppice::address<int> to = box.get_address();
  {
    world w;
    coppice::spawn(w.io, [&]() -> coroutine<> {
      timer = coppice::send_after(to, 1h, 1);
      coppice::monitor(coppice::self(), *std::make_unique<coppice::mailbox<coppice::down>>());
      co_await box.receive();
    });
    w.clock.settle();
  }
  CHECK(timer.remaining() == std::nullopt);
  CHECK(timer.cancel() == std::nullopt);
  CHECK(to.send(2) == send_result::delivered);
  CHECK(box.try_receive() == 2);
}
