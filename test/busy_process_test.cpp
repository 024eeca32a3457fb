#include <coppice/with_deadline.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>

// A process that finds ready whatever it waits for. Its operations complete where they begin: no
// cancellation can ever find one.

using namespace asio::experimental::awaitable_operators;
using coppice::exit_reason;
using socket_type = asio::local::stream_protocol::socket;

namespace {

constexpr int there = 5'000;  // bytes, which are read one by one

struct source {
  explicit source(asio::io_context& io) : near{io}, far{io} {
    asio::local::connect_pair(near, far);
    far.write_some(asio::buffer(std::string(there, 'x')));
    for (int i = 0; i < there; ++i) box.get_address().send(i);
  }

  socket_type near;
  socket_type far;
  coppice::mailbox<int> box;
  int taken = 0;
  char c = 0;
};

template <class Coroutine = coroutine<>>
Coroutine read_one(source& s) {
  co_await s.near.async_read_some(asio::buffer(&s.c, 1), use_coroutine);
  ++s.taken;
}

template <class Coroutine>
Coroutine read_all(source& s) {
  for (;;) co_await read_one<Coroutine>(s);
}

coroutine<> composed(source& s) {
  co_await asio::async_read(s.near, asio::buffer(&s.c, 1), use_coroutine);
  ++s.taken;
}

coroutine<> by_code(source& s) {
  auto reading = s.near.async_read_some(asio::buffer(&s.c, 1), asio::as_tuple(asio::deferred));
  const auto [failed, size] = co_await std::move(reading);
  if (failed) co_await coppice::exit(exit_reason::shutdown("please"));
  ++s.taken;
}

coroutine<> post_and_read(source& s) {
  co_await asio::post(use_coroutine);
  co_await read_one(s);
}

coroutine<> receive(source& s) {
  co_await s.box.receive();
  ++s.taken;
}

coroutine<> yield_and_receive(source& s) {
  co_await coppice::yield();
  co_await receive(s);
}

coroutine<> in_time(source& s) {
  auto reading = coppice::with_deadline(read_one(s), 1h);
  co_await std::move(reading);
}

coroutine<> all_in_time(source& s) {
  auto reading = coppice::with_deadline(read_all<coroutine<>>(s), 1h);
  co_await std::move(reading);
}

coroutine<> race(source& s) {
  auto both = read_one<beside>(s) || coppice::sleep_for(1h)(asio::use_awaitable);
  co_await std::move(both);
}

const std::map<std::string, std::function<coroutine<>(source&)>>& waits() {
  static const std::map<std::string, std::function<coroutine<>(source&)>> all{
      {"a read", &read_one<>},
      {"reads in a coroutine", &read_all<coroutine<>>},
      {"a composed read", &composed},
      {"a read that gives its error", &by_code},
      {"a post and a read", &post_and_read},
      {"a message", &receive},
      {"a yield and a message", &yield_and_receive},
      {"a read with a deadline", &in_time},
      {"reads with one deadline", &all_in_time},
      {"a read or a sleep", &race},
#if !defined(COPPICE_TEST_TASKS) && !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
      {"reads in a task",
       [](source& s) -> coroutine<> { co_await read_all<coppice::task<>>(s); }},
#endif
  };
  return all;
}

// Asks it to stop when that has taken something.
void ask(asio::io_context& io, coppice::pid p, const source& s) {
  coppice::spawn(io, [p, &s]() -> coroutine<> {
    while (s.taken < 10) co_await coppice::yield();
    coppice::exit(p, exit_reason::shutdown("please"));
  });
}

}  // namespace

// PROC-03
TEST_CASE("a process that never has to wait hears of a request to stop all the same") {
  for (const auto& [name, wait] : waits()) {
    CAPTURE(name);
    world w;
    source s{w.io};
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      for (;;) co_await wait(s);
    });
    const ending end{p};
    ask(w.io, p, s);
    w.clock.settle();
    CHECK(end.text() == "shutdown: please");
    CHECK(s.taken >= 10);
    CHECK(s.taken < there / 2);
  }
}

// PROC-03
TEST_CASE("a process that never has to wait cleans up undisturbed when it has heard of a request") {
  for (const auto& [name, wait] : waits()) {
    if (name == "a read that gives its error") continue;
    CAPTURE(name);
    world w;
    source s{w.io};
    int heard = 0;
    bool cleaned = false;
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      try {
        for (;;) co_await wait(s);
      } catch (const boost::system::system_error& e) {
        ++heard;
        CHECK(e.code() == asio::error::operation_aborted);
      }
#ifndef COPPICE_TEST_TASKS
      co_await asio::this_coro::throw_if_cancelled(false);
#endif
      for (int i = 0; i < 200; ++i) co_await read_one(s);
      co_await asio::async_write(s.near, asio::buffer("bye", 3), use_coroutine);
      co_await coppice::sleep_for(1min);
      cleaned = true;
      co_await coppice::exit(exit_reason::shutdown("clean"));
    });
    const ending end{p};
    ask(w.io, p, s);
    w.clock.settle();
    CHECK(end.text() == "not yet");
    w.clock.advance(1min);
    CHECK(heard == 1);
    CHECK(cleaned);
    CHECK(end.text() == "shutdown: clean");
  }
}
