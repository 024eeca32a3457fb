#include <coppice/process.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

using namespace asio::experimental::awaitable_operators;
using coppice::exit_reason;
using socket_type = asio::local::stream_protocol::socket;
using channel_type = asio::experimental::channel<void(boost::system::error_code, int)>;

namespace {

// Things to wait for, each of which completes as often as it is fed, and then no more.
struct source {
  explicit source(asio::io_context& io) : near{io}, far{io}, channel{io, 16}, timer{io} {
    asio::local::connect_pair(near, far);
    timer.expires_at(asio::steady_timer::time_point::max());
  }

  void feed() {
    far.write_some(asio::buffer("ab", 2));
    channel.try_send(boost::system::error_code{}, 1);
    box.get_address().send(1);
  }

  socket_type near;
  socket_type far;
  channel_type channel;
  asio::steady_timer timer;
  coppice::mailbox<int> box;
};

using wait_function = std::function<coroutine<>(source&)>;

// Of a process, or beside it.
template <class Coroutine = coroutine<>>
Coroutine read_one(source& s) {
  char c = 0;
  co_await s.near.async_read_some(asio::buffer(&c, 1), use_coroutine);
}

coroutine<> read_two(source& s) {
  char c[2] = {};
  co_await asio::async_read(s.near, asio::buffer(c), use_coroutine);
}

coroutine<> echo(source& s) {
  co_await read_one(s);
  co_await asio::async_write(s.near, asio::buffer("reply", 5), use_coroutine);
}

coroutine<> from_channel(source& s) { co_await s.channel.async_receive(use_coroutine); }

template <class Coroutine = coroutine<>>
Coroutine from_mailbox(source& s) {
  co_await s.box.receive();
}

coroutine<> from_mailbox_in_time(source& s) { co_await s.box.receive(1h); }

template <class Coroutine = coroutine<>>
Coroutine on_timer(source& s) {
  co_await s.timer.async_wait(use_coroutine);
}

template <class Coroutine = coroutine<>>
Coroutine asleep(source&) {
  co_await coppice::sleep_for(1h);
}

coroutine<> in_awaitable(source& s) {
  auto nested = read_one<beside>(s);
  co_await std::move(nested);
}

coroutine<> in_helper(source& s) {
  const auto ex = co_await asio::this_coro::executor;
  co_await asio::co_spawn(ex, read_one<beside>(s), use_coroutine);
}

coroutine<> read_or_sleep(source& s) {
  auto both = read_one<beside>(s) || asleep<beside>(s);
  co_await std::move(both);
}

coroutine<> sleep_or_timer(source& s) {
  auto both = asleep<beside>(s) || on_timer<beside>(s);
  co_await std::move(both);
}

coroutine<> read_and_receive(source& s) {
  auto both = read_one<beside>(s) && from_mailbox<beside>(s);
  co_await std::move(both);
}

coroutine<> receive_or_read_or_timer(source& s) {
  auto all = from_mailbox<beside>(s) || read_one<beside>(s) || on_timer<beside>(s);
  co_await std::move(all);
}

const std::map<std::string, wait_function>& waits() {
  static const std::map<std::string, wait_function> all{
      {"a read", &read_one<>},
      {"a composed read", &read_two},
      {"a read and a composed write", &echo},
      {"a channel", &from_channel},
      {"a mailbox", &from_mailbox<>},
      {"a mailbox with a time limit", &from_mailbox_in_time},
      {"an Asio timer", &on_timer<>},
      {"a sleep", &asleep<>},
      {"an awaitable", &in_awaitable},
      {"a helper coroutine", &in_helper},
      {"a read or a sleep", &read_or_sleep},
      {"a sleep or an Asio timer", &sleep_or_timer},
      {"a read and a message", &read_and_receive},
      {"a message or a read or an Asio timer", &receive_or_read_or_timer},
  };
  return all;
}

// Lets the io_context take some steps, of one handler each.
void step(asio::io_context& io, int count) {
  for (; count > 0; --count) {
    io.restart();
    if (io.poll_one() == 0) return;
  }
}

}  // namespace

// PROC-03
TEST_CASE("a process that is asked to stop ends with the asked reason, whatever it waits for") {
  for (const auto& [name, wait] : waits()) {
    CAPTURE(name);
    world w;
    source s{w.io};
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      for (;;) co_await wait(s);
    });
    const ending end{p};
    w.clock.settle();
    REQUIRE(p.alive());
    coppice::exit(p, exit_reason::shutdown("please"));
    w.clock.settle();
    CHECK(end.text() == "shutdown: please");
    CHECK(w.reports.empty());
  }
}

// PROC-03
TEST_CASE("a request to stop is not lost, whatever completes before it or after it") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, wait] : waits()) {
      for (int fed_at = 0; fed_at < 4; ++fed_at) {
        for (int asked_at = 0; asked_at < 12; ++asked_at) {
          for (const bool fed_first : {false, true}) {
            world w{hint};
            source s{w.io};
            const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
              for (;;) co_await wait(s);
            });
            const ending end{p};
            step(w.io, fed_at);
            if (fed_first) s.feed();
            step(w.io, asked_at);
            coppice::exit(p, exit_reason::shutdown());
            if (!fed_first) s.feed();
            w.clock.settle();
            if (end.text() != "shutdown") {
              CAPTURE(hint);
              CAPTURE(name);
              CAPTURE(fed_at);
              CAPTURE(asked_at);
              CAPTURE(fed_first);
              CHECK(end.text() == "shutdown");
            }
          }
        }
      }
    }
  }
}

// PROC-03
TEST_CASE("a request to stop interrupts once, and clean-up may wait as long as it likes") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, wait] : waits()) {
      for (int asked_at = 0; asked_at < 12; ++asked_at) {
        for (const bool fed : {false, true}) {
          CAPTURE(hint);
          CAPTURE(name);
          CAPTURE(asked_at);
          CAPTURE(fed);
          world w{hint};
          source s{w.io};
          bool asked = false;
          bool cleaned = false;
          const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
            try {
              for (;;) co_await wait(s);
            } catch (...) {
              asked = true;
            }
            char c = 0;
            co_await asio::post(use_coroutine);
            co_await coppice::sleep_for(0s);
            co_await asio::async_write(s.far, asio::buffer("x", 1), use_coroutine);
            co_await asio::async_read(s.near, asio::buffer(&c, 1), use_coroutine);
            co_await coppice::sleep_for(1min);
            cleaned = true;
            co_await coppice::exit(exit_reason::shutdown("clean"));
          });
          const ending end{p};
          if (fed) s.feed();
          step(w.io, asked_at);
          coppice::exit(p, exit_reason::shutdown());
          coppice::exit(p, exit_reason::error("asking again changes nothing"));
          w.clock.settle();
          // Asked before it ran, it was never called.
          if (!asked) {
            CHECK(asked_at == 0);
            CHECK(end.text() == "shutdown");
            continue;
          }
          CHECK(end.text() == "not yet");
          coppice::exit(p, exit_reason::shutdown("asking again changes nothing"));
          w.clock.advance(1min);
          CHECK(cleaned);
          CHECK(end.text() == "shutdown: clean");
        }
      }
    }
  }
}

// PROC-03
TEST_CASE("a process asks another to stop at any of its steps, and is always heard") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, wait] : waits()) {
      for (int turns = 0; turns < 8; ++turns) {
        CAPTURE(hint);
        CAPTURE(name);
        CAPTURE(turns);
        world w{hint};
        source s{w.io};
        const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
          for (;;) co_await wait(s);
        });
        const ending end{p};
        coppice::spawn(w.io, [&, turns]() -> coroutine<> {
          s.feed();
          for (int i = 0; i < turns; ++i) co_await coppice::sleep_for(0s);
          coppice::exit(p, exit_reason::shutdown());
          s.feed();
        });
        w.clock.settle();
        CHECK(end.text() == "shutdown");
      }
    }
  }
}

TEST_CASE("a process that is asked to stop may end as it likes") {
  world w;
  const auto ends = [&w](std::function<coroutine<>()> last) {
    const coppice::pid p = coppice::spawn(w.io, [last]() -> coroutine<> {
      try {
        co_await coppice::sleep_for(1h);
      } catch (const boost::system::system_error& e) {
        CHECK(e.code() == asio::error::operation_aborted);
      }
      co_await last();
    });
    const ending end{p};
    w.clock.settle();
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    return end.text();
  };
  CHECK(ends([]() -> coroutine<> { co_return; }) == "normal");
  CHECK(ends([]() -> coroutine<> {
          throw std::runtime_error{"while cleaning"};
          co_return;
        }) == "std::runtime_error: while cleaning");
  CHECK(ends([]() -> coroutine<> { co_await coppice::exit(exit_reason::timeout()); }) == "timeout");
}

TEST_CASE("an operation_aborted is an error if nobody asked the process to stop") {
  world w;
  const ending end{coppice::spawn(w.io, []() -> coroutine<> {
    asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
    asio::post(timer.get_executor(), [&timer] { timer.cancel(); });
    co_await timer.async_wait(use_coroutine);
  })};
  w.clock.settle();
  REQUIRE(end.reason());
  CHECK(end.reason()->is_abnormal());
  CHECK(*end.reason()->exception_type() == typeid(boost::system::system_error));
}

TEST_CASE("a process that swallows a request to stop and waits again does not spin") {
  world w;
  int heard = 0;
  const coppice::pid p = coppice::spawn(w.io, [&heard]() -> coroutine<> {
    for (;;) {
      try {
        co_await coppice::sleep_for(1s);
      } catch (...) {
        ++heard;
      }
    }
  });
  w.clock.settle();
  for (int i = 0; i < 10; ++i) {
    coppice::exit(p, exit_reason::shutdown());
    w.clock.advance(1s);
  }
  CHECK(heard == 1);
  CHECK(p.alive());
  coppice::kill(p);
  w.clock.settle();
  CHECK_FALSE(p.alive());
}

TEST_CASE("a process that asks itself to stop hears of it at its next wait") {
  world w;
  bool went_on = false;
  const ending end{coppice::spawn(w.io, [&went_on]() -> coroutine<> {
    coppice::exit(coppice::self(), exit_reason::shutdown("myself"));
    went_on = true;
    co_await coppice::sleep_for(1h);
    went_on = false;
  })};
  w.clock.settle();
  CHECK(went_on);
  CHECK(end.text() == "shutdown: myself");
}

TEST_CASE("a request to stop is heard as an error code by those who asked for one") {
  world w;
  boost::system::error_code heard;
  const coppice::pid p = coppice::spawn(w.io, [&heard]() -> coroutine<> {
    const auto [ec] = co_await coppice::sleep_for(1h)(asio::as_tuple(use_coroutine));
    heard = ec;
  });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown());
  w.clock.settle();
  CHECK(heard == asio::error::operation_aborted);
  CHECK(end.text() == "normal");
}

#ifndef COPPICE_TEST_TASKS
TEST_CASE("a body may say that all its waits fail once it was asked to stop") {
  world w;
  int heard = 0;
  const coppice::pid p = coppice::spawn(w.io, [&heard]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(true);
    for (int i = 0; i < 2; ++i) {
      try {
        co_await coppice::sleep_for(1h);
      } catch (...) {
        ++heard;
      }
    }
    co_await coppice::sleep_for(1h);
  });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown("please"));
  w.clock.settle();
  CHECK(heard == 2);
  CHECK(end.text() == "shutdown: please");
}
#endif
