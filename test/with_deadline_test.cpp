#include <coppice/with_deadline.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

using namespace asio::experimental::awaitable_operators;
using coppice::deadline;
using coppice::exit_reason;
using coppice::with_deadline;
using socket_type = asio::local::stream_protocol::socket;
using channel_type = asio::experimental::channel<void(boost::system::error_code, int)>;

namespace {

// The exception that is being handled, in a word.
std::string caught() {
  try {
    throw;
  } catch (const asio::multiple_exceptions& e) {  // of a race
    try {
      std::rethrow_exception(e.first_exception());
    } catch (...) {
      return caught();
    }
  } catch (const boost::system::system_error& e) {
    if (e.code() == coppice::errc::timeout) return "timeout";
    if (e.code() == asio::error::operation_aborted) return "aborted";
    if (e.code() == asio::experimental::error::channel_cancelled) return "channel cancelled";
    return e.code().message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

// How an await ends that gives nothing, or a value.
template <class Awaited>
coroutine<std::string> end_of(Awaited awaited) {
  std::string how = "done";
  try {
    co_await std::move(awaited);
  } catch (...) {
    how = caught();
  }
  co_return how;
}
template <class Awaited>
coroutine<std::string> value_of(Awaited awaited) {
  std::string how;
  try {
    how = std::to_string(co_await std::move(awaited));
  } catch (...) {
    how = caught();
  }
  co_return how;
}

// Things to wait for, each of which completes as often as it is fed, and then no more.
struct source {
  explicit source(asio::io_context& io) : near{io}, far{io}, channel{io, 16}, timer{io} {
    asio::local::connect_pair(near, far);
    timer.expires_at(asio::steady_timer::time_point::max());
  }

  void feed() {
    far.write_some(asio::buffer("ab", 2));
    // Up to 1.26 Asio's channels refuse try_send after a receive was cancelled.
    channel.async_send(boost::system::error_code{}, 1, asio::detached);
    box.get_address().send(1);
  }

  socket_type near;
  socket_type far;
  channel_type channel;
  asio::steady_timer timer;
  coppice::mailbox<int> box;
  char bytes[2] = {};
};

coroutine<> read_two(source& s) {
  co_await asio::async_read(s.near, asio::buffer(s.bytes), use_coroutine);
}

asio::awaitable<void> read_two_beside(source& s) {
  co_await asio::async_read(s.near, asio::buffer(s.bytes), asio::use_awaitable);
}

coppice::task<> receive_in_task(source& s) { co_await s.box.receive(); }

coroutine<> deep(source& s, int levels) {
  if (levels == 0) {
    co_await s.box.receive();
  } else {
    auto below = deep(s, levels - 1);
    co_await std::move(below);
  }
}

beside on_timer(source& s) { co_await s.timer.async_wait(asio::use_awaitable); }

// Waits for something with a deadline.
using timed_function = std::function<coroutine<>(source&, deadline)>;

coroutine<> at_depth(source& s, deadline d, int levels) {
  if (levels == 0) {
    auto reading = read_two(s);
    co_await with_deadline(std::move(reading), d);
  } else {
    auto below = at_depth(s, d, levels - 1);
    co_await std::move(below);
  }
}

const std::map<std::string, timed_function>& timed() {
  static const std::map<std::string, timed_function> all{
      {"an operation of Asio",
       [](source& s, deadline d) -> coroutine<> {
         auto reading = s.near.async_read_some(asio::buffer(s.bytes), asio::deferred);
         co_await with_deadline(std::move(reading), d);
       }},
      {"a composed operation",
       [](source& s, deadline d) -> coroutine<> {
         auto reading = asio::async_read(s.near, asio::buffer(s.bytes), asio::deferred);
         co_await with_deadline(std::move(reading), d);
       }},
      {"a channel",
       [](source& s, deadline d) -> coroutine<> {
         co_await with_deadline(s.channel.async_receive(asio::deferred), d);
       }},
      {"an operation of coppice's",
       [](source& s, deadline d) -> coroutine<> { co_await with_deadline(s.box.receive(), d); }},
      {"a coroutine",
       [](source& s, deadline d) -> coroutine<> {
         auto reading = read_two(s);
         co_await with_deadline(std::move(reading), d);
       }},
      {"a coroutine that awaits others",
       [](source& s, deadline d) -> coroutine<> {
         auto waiting = deep(s, 3);
         co_await with_deadline(std::move(waiting), d);
       }},
      {"an awaitable",
       [](source& s, deadline d) -> coroutine<> {
         auto reading = read_two_beside(s);
         co_await with_deadline(std::move(reading), d);
       }},
      {"a task",
       [](source& s, deadline d) -> coroutine<> {
         auto receiving = receive_in_task(s);
         co_await with_deadline(std::move(receiving), d);
       }},
      {"an awaitable of Asio's",
       [](source& s, deadline d) -> coroutine<> {
         auto receiving = s.channel.async_receive(asio::use_awaitable);
         co_await with_deadline(std::move(receiving), d);
       }},
      {"a race",
       [](source& s, deadline d) -> coroutine<> {
         auto either = read_two_beside(s) || on_timer(s);
         co_await with_deadline(std::move(either), d);
       }},
      {"something that is awaited deeper",
       [](source& s, deadline d) -> coroutine<> {
         auto below = at_depth(s, d, 3);
         co_await std::move(below);
       }},
      {"something within another deadline",
       [](source& s, deadline d) -> coroutine<> {
         auto inner = with_deadline(s.box.receive(), 24h);
         co_await with_deadline(std::move(inner), d);
       }},
      {"a coroutine within another deadline",
       [](source& s, deadline d) -> coroutine<> {
         auto reading = read_two(s);
         auto inner = with_deadline(std::move(reading), 24h);
         co_await with_deadline(std::move(inner), d);
       }},
  };
  return all;
}

coroutine<std::string> end_of(const timed_function& wait, source& s, deadline d) {
  std::string how = "done";
  try {
    auto waiting = wait(s, d);
    co_await std::move(waiting);
  } catch (...) {
    how = caught();
  }
  co_return how;
}

// Lets the io_context take some steps, of one handler each.
void step(asio::io_context& io, int count) {
  for (; count > 0; --count) {
    io.restart();
    if (io.poll_one() == 0) return;
  }
}

coroutine<int> after(std::chrono::milliseconds time, int value) {
  co_await coppice::sleep_for(time);
  co_return value;
}

}  // namespace

TEST_CASE("what ends before the deadline gives what it gives without one") {
  for (const auto& [name, wait] : timed()) {
    CAPTURE(name);
    world w;
    source s{w.io};
    std::string how;
    coppice::spawn(w.io, [&]() -> coroutine<> {
      auto ending = end_of(wait, s, 1s);
      how = co_await std::move(ending);
    });
    w.clock.advance(999ms);
    CHECK(how.empty());
    s.feed();
    w.clock.settle();
    CHECK(how == "done");
    CHECK(coppice::processes(w.io).empty());
    CHECK_FALSE(w.clock.jump());
  }
}

TEST_CASE("what has not ended when the time is over fails with timeout, and can be awaited again") {
  for (const auto& [name, wait] : timed()) {
    CAPTURE(name);
    world w;
    source s{w.io};
    std::string log;
    coppice::spawn(w.io, [&]() -> coroutine<> {
      for (const deadline d : {deadline{1s}, deadline{1s}, deadline{coppice::infinity}}) {
        auto ending = end_of(wait, s, d);
        log += co_await std::move(ending) + ' ';
      }
    });
    w.clock.advance(999ms);
    CHECK(log.empty());
    w.clock.advance(1ms);
    CHECK(log == "timeout ");
    w.clock.advance(1s);
    CHECK(log == "timeout timeout ");
    s.feed();
    w.clock.settle();
    CHECK(log == "timeout timeout done ");
    CHECK(w.reports.empty());
  }
}

TEST_CASE("what comes in the moment in which the time is over is taken then, or by the next") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, wait] : timed()) {
      for (const auto limit : {0s, 1s}) {
        for (const bool fed_first : {false, true}) {
          for (int fed_at = 0; fed_at < 10; ++fed_at) {
            world w{hint};
            source s{w.io};
            std::string log;
            const auto feed = [&]() -> coroutine<> {
              co_await coppice::sleep_for(limit);
              for (int i = 0; i < fed_at; ++i) {
                if (i % 2 == 0) {
                  co_await coppice::yield();
                } else {
                  co_await asio::post(use_coroutine);
                }
              }
              s.feed();
            };
            if (fed_first) coppice::spawn(w.io, feed);
            coppice::spawn(w.io, [&]() -> coroutine<> {
              auto first = end_of(wait, s, limit);
              log = co_await std::move(first);
              if (log == "done") co_return;
              auto second = end_of(wait, s, coppice::infinity);
              log += ' ' + co_await std::move(second);
            });
            if (!fed_first) coppice::spawn(w.io, feed);
            w.clock.advance(limit);
            if (log != "done" && log != "timeout done") {
              CAPTURE(hint);
              CAPTURE(name);
              CAPTURE(limit.count());
              CAPTURE(fed_first);
              CAPTURE(fed_at);
              CHECK(log == "done");
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a message that is sent in the moment in which the time is over is not lost") {
  for (const bool sent_first : {false, true}) {
    CAPTURE(sent_first);
    world w;
    coppice::mailbox<int> box;
    std::string log;
    const auto send = [&]() -> coroutine<> {
      co_await coppice::sleep_for(1s);
      box.get_address().send(7);
    };
    if (sent_first) coppice::spawn(w.io, send);
    coppice::spawn(w.io, [&]() -> coroutine<> {
      for (int i = 0; i < 2; ++i) {
        auto ending = value_of(with_deadline(box.receive(), 1s));
        log += co_await std::move(ending) + ' ';
      }
    });
    if (!sent_first) coppice::spawn(w.io, send);
    w.clock.advance(1s);
    CHECK(log == (sent_first ? "7 " : "timeout 7 "));
  }
}

TEST_CASE("a read that has completed wins, though its completion comes when the time is over") {
  world w;
  source s{w.io};
  std::string log;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    s.feed();
    auto reading = s.near.async_read_some(asio::buffer(s.bytes), asio::deferred);
    auto one = value_of(with_deadline(std::move(reading), 0s));
    log += co_await std::move(one) + ' ';
    s.feed();
    auto two = read_two(s);
    auto both = end_of(with_deadline(std::move(two), 0s));
    log += co_await std::move(both);
  });
  w.clock.settle();
  CHECK(log == "2 done");
}

TEST_CASE("a deadline of zero or less takes what is there, and else fails at once") {
  for (const deadline d :
       {deadline{0s}, deadline{-1h}, deadline{std::chrono::nanoseconds::min()},
        deadline{deadline::time_point{}}, deadline{deadline::time_point::min()}}) {
    world w;
    coppice::mailbox<int> box;
    std::string log;
    box.get_address().send(1);
    coppice::spawn(w.io, [&]() -> coroutine<> {
      for (int i = 0; i < 2; ++i) {
        auto receiving = value_of(with_deadline(box.receive(), d));
        log += co_await std::move(receiving) + ' ';
      }
      auto at_once = value_of(with_deadline(after(0s, 2), d));
      log += co_await std::move(at_once) + ' ';
      auto later = value_of(with_deadline(after(1s, 3), d));
      log += co_await std::move(later);
    });
    w.clock.settle();
    CHECK(log == "1 timeout 2 timeout");
  }
}

TEST_CASE("several operations in a row share what is left until a point in time") {
  world w;
  std::string log;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    const deadline end = w.clock.now() + 5s;
    for (int i = 0; i < 4; ++i) {
      auto ending = value_of(with_deadline(after(2s, i), end));
      log += co_await std::move(ending) + ' ';
    }
  });
  w.clock.advance(4s);
  CHECK(log == "0 1 ");
  w.clock.advance(1s);
  CHECK(log == "0 1 timeout timeout ");
}

TEST_CASE("with infinity there is no deadline, and no timer") {
  for (const deadline d : {deadline{coppice::infinity}, deadline{std::chrono::years{1000}},
                           deadline{deadline::time_point::max()}}) {
    CHECK(d.is_infinity());
    for (const auto& [name, wait] : timed()) {
      if (name.ends_with("another deadline")) continue;
      CAPTURE(name);
      world w;
      source s{w.io};
      std::string how;
      coppice::spawn(w.io, [&]() -> coroutine<> {
        auto ending = end_of(wait, s, d);
        how = co_await std::move(ending);
      });
      CHECK_FALSE(w.clock.jump());
      s.feed();
      w.clock.settle();
      CHECK(how == "done");
    }
  }
}

TEST_CASE("what is awaited runs as the same process, and has ended when its awaiter goes on") {
  world w;
  std::string log;
  coppice::pid seen;
  const auto inner = [&]() -> coroutine<> {
    const traced t{log, "inner"};
    seen = coppice::self();
    co_await coppice::sleep_for(1h);
  };
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    const traced t{log, "outer"};
    auto ending = end_of(with_deadline(inner(), 1s));
    log += co_await std::move(ending) + ' ';
  });
  w.clock.settle();
  CHECK(seen == p);
  CHECK(coppice::processes(w.io).size() == 1);
  w.clock.advance(1s);
  CHECK(log == "inner timeout outer ");
}

TEST_CASE("an exception that is no cancellation is passed on, time-out or not") {
  world w;
  std::string log;
  const auto fail = [](bool late) -> coroutine<> {
    try {
      co_await coppice::sleep_for(late ? 1h : 1s);
    } catch (const boost::system::system_error&) {
    }
    throw std::runtime_error{late ? "too late" : "in time"};
  };
  coppice::spawn(w.io, [&]() -> coroutine<> {
    for (const bool late : {false, true}) {
      auto ending = end_of(with_deadline(fail(late), 2s));
      log += co_await std::move(ending) + ' ';
    }
  });
  w.clock.advance(3s);
  CHECK(log == "in time too late ");
}

TEST_CASE("a result that a coroutine gives after it was cancelled wins") {
  world w;
  std::string how;
  const auto stubborn = []() -> coroutine<int> {
    try {
      co_await coppice::sleep_for(1h);
    } catch (const boost::system::system_error&) {
    }
    co_await coppice::sleep_for(1min);
    co_return 5;
  };
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto ending = value_of(with_deadline(stubborn(), 1s));
    how = co_await std::move(ending);
  });
  w.clock.advance(1min);
  CHECK(how.empty());
  w.clock.advance(1s);
  CHECK(how == "5");
}

TEST_CASE("who has errors as results gets the time-out as one") {
  world w;
  source s{w.io};
  std::string log;
  const auto note = [&log](boost::system::error_code ec) {
    log += ec == coppice::errc::timeout ? "timeout " : ec.message() + ' ';
  };
  const auto tuple_of = [&]() -> coroutine<std::tuple<boost::system::error_code, std::size_t>> {
    co_return co_await s.near.async_read_some(asio::buffer(s.bytes), asio::as_tuple(use_coroutine));
  };
  const auto code_of = [&]() -> coroutine<boost::system::error_code> {
    const auto [ec] = co_await coppice::sleep_for(1h)(asio::as_tuple(use_coroutine));
    co_return ec;
  };
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto within = s.near.async_read_some(asio::buffer(s.bytes), asio::as_tuple(asio::deferred));
    const auto [e1, n1] = co_await with_deadline(std::move(within), 1s);
    note(e1);
    auto plain = s.near.async_read_some(asio::buffer(s.bytes), asio::deferred);
    auto outside = with_deadline(std::move(plain), 1s)(asio::as_tuple(use_coroutine));
    const auto [e2, n2] = co_await std::move(outside);
    note(e2);
    const auto [e3, n3] = co_await with_deadline(tuple_of(), 1s);
    note(e3);
    note(co_await with_deadline(code_of(), 1s));
  });
  w.clock.advance(4s);
  CHECK(log == "timeout timeout timeout timeout ");
}

TEST_CASE("an operation_aborted by another cause is no time-out") {
  world w;
  source s{w.io};
  std::string log;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto reading = s.near.async_read_some(asio::buffer(s.bytes), asio::deferred);
    auto ending = value_of(with_deadline(std::move(reading), 2s));
    log = co_await std::move(ending);
  });
  coppice::spawn(w.io, [&]() -> coroutine<> {
    co_await coppice::sleep_for(1s);
    s.near.cancel();
  });
  w.clock.advance(1s);
  CHECK(log == "aborted");
}

TEST_CASE("an inner time-out and an outer one are told apart") {
  world w;
  std::string log;
  const auto inner = [&](deadline d) -> coroutine<int> {
    auto ending = value_of(with_deadline(after(1h, 1), d));
    log += "inner: " + co_await std::move(ending) + ", ";
    co_await coppice::sleep_for(2s);
    co_return 2;
  };
  coppice::spawn(w.io, [&]() -> coroutine<> {
    for (const deadline d : {deadline{1s}, deadline{10s}, deadline{4s}, deadline{5s}}) {
      auto ending = value_of(with_deadline(inner(d), 5s));
      log += "outer: " + co_await std::move(ending) + "; ";
    }
  });
  w.clock.advance(1min);
  // The inner time is over in time; too late; and so that the outer one is when it goes on. If both
  // are in one moment, the outer one was set first.
  CHECK(log ==
        "inner: timeout, outer: 2; inner: aborted, outer: 2; inner: timeout, outer: timeout; "
        "inner: aborted, outer: 2; ");
}

TEST_CASE("a coroutine whose time is over is told so once, and may clean up") {
  world w;
  source s{w.io};
  std::string log;
  const auto polite = [&](coroutine<> wait) -> coroutine<> {
    try {
      co_await std::move(wait);
    } catch (...) {
      log += caught() + ' ';
    }
    char c = 0;
    co_await asio::post(use_coroutine);
    co_await coppice::sleep_for(0s);
    co_await asio::async_write(s.far, asio::buffer("x", 1), use_coroutine);
    co_await asio::async_read(s.near, asio::buffer(&c, 1), use_coroutine);
    co_await coppice::sleep_for(1min);
    log += "clean ";
    throw boost::system::system_error{asio::error::operation_aborted};
  };
  for (const bool in_asio : {false, true}) {
    log.clear();
    coppice::spawn(w.io, [&]() -> coroutine<> {
      auto cleaning = polite(in_asio ? read_two(s) : deep(s, 2));
      auto ending = end_of(with_deadline(std::move(cleaning), 1s));
      log += co_await std::move(ending);
    });
    w.clock.advance(1s);
    CHECK(log == "aborted ");
    w.clock.advance(1min);
    CHECK(log == "aborted clean timeout");
  }
}

namespace {

// Coroutines that end only by their cancellation, whatever completes meanwhile.
using loop_function = std::function<coroutine<>(source&)>;

const std::map<std::string, loop_function>& loops() {
  static const std::map<std::string, loop_function> all{
      {"reads",
       [](source& s) -> coroutine<> {
         for (;;) {
           co_await s.near.async_read_some(asio::buffer(s.bytes), use_coroutine);
         }
       }},
      {"composed reads",
       [](source& s) -> coroutine<> {
         for (;;) co_await read_two(s);
       }},
      {"a channel",
       [](source& s) -> coroutine<> {
         for (;;) co_await s.channel.async_receive(use_coroutine);
       }},
      {"a mailbox",
       [](source& s) -> coroutine<> {
         for (;;) co_await s.box.receive();
       }},
      {"reads and messages",
       [](source& s) -> coroutine<> {
         for (;;) {
           co_await read_two(s);
           co_await s.box.receive();
         }
       }},
      {"awaitables",
       [](source& s) -> coroutine<> {
         for (;;) {
           auto reading = read_two_beside(s);
           co_await std::move(reading);
         }
       }},
      {"races",
       [](source& s) -> coroutine<> {
         for (;;) {
           auto either = read_two_beside(s) || on_timer(s);
           co_await std::move(either);
         }
       }},
      {"deadlines",
       [](source& s) -> coroutine<> {
         for (;;) {
           auto reading = s.near.async_read_some(asio::buffer(s.bytes), asio::deferred);
           co_await with_deadline(std::move(reading), 24h);
         }
       }},
      {"coroutines with deadlines",
       [](source& s) -> coroutine<> {
         for (;;) {
           auto reading = read_two(s);
           co_await with_deadline(std::move(reading), 24h);
         }
       }},
  };
  return all;
}

}  // namespace

TEST_CASE("a coroutine hears once that its time is over, whatever completes in that moment") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, loop] : loops()) {
      for (int fed_at = 0; fed_at < 12; ++fed_at) {
        for (const int times : {1, 3}) {
          world w{hint};
          source s{w.io};
          std::string log;
          const auto part = [&]() -> coroutine<> {
            try {
              auto looping = loop(s);
              co_await std::move(looping);
            } catch (...) {
              log += caught() + ' ';
            }
            co_await asio::post(use_coroutine);
            co_await coppice::sleep_for(0s);
            co_await coppice::sleep_for(1s);
            log += "clean ";
          };
          coppice::spawn(w.io, [&]() -> coroutine<> {
            auto ending = end_of(with_deadline(part(), 0s));
            log += co_await std::move(ending);
          });
          for (int i = 0; i < times; ++i) {
            step(w.io, fed_at);
            s.feed();
          }
          w.clock.settle();
          const bool heard = log == "aborted " || log == "channel cancelled ";
          w.clock.advance(1s);
          if (!heard || !log.ends_with(" clean done")) {
            CAPTURE(hint);
            CAPTURE(name);
            CAPTURE(fed_at);
            CAPTURE(times);
            CHECK(log == "aborted clean done");
          }
        }
      }
    }
  }
}

TEST_CASE("the time of a coroutine that always finds something ready is over all the same") {
  for (const bool beside_another : {false, true}) {
    for (const bool nested : {false, true}) {
      CAPTURE(beside_another);
      CAPTURE(nested);
      world w;
      source s{w.io};
      std::string log;
      const std::string much(5000, 'x');
      asio::write(s.far, asio::buffer(much));
      const auto drain = [&]() -> coroutine<> {
        for (;;) co_await s.near.async_read_some(asio::buffer(s.bytes, 1), use_coroutine);
      };
      const auto drain_beside = [&]() -> asio::awaitable<void> {
        while (s.near.available() > 0) {
          co_await s.near.async_read_some(asio::buffer(s.bytes, 1), asio::use_awaitable);
        }
      };
      const auto timed_receive = [&]() -> asio::awaitable<void> {
        auto receiving = receive_in_task(s);
        auto ending = with_deadline(std::move(receiving), 0s);
        try {
          co_await std::move(ending);
        } catch (...) {
          log = caught();
        }
        CHECK(s.near.available() > 4000);
      };
      coppice::spawn(w.io, [&]() -> coroutine<> {
        if (beside_another) {
          auto both = drain_beside() && timed_receive();
          co_await std::move(both);
        } else {
          auto draining = drain();
          if (nested) draining = with_deadline(std::move(draining), 1h);
          auto ending = end_of(with_deadline(std::move(draining), 0s));
          log = co_await std::move(ending);
          CHECK(s.near.available() > 4000);
        }
      });
      w.clock.settle();
      CHECK(log == "timeout");
      CHECK(coppice::processes(w.io).empty());
    }
  }
}

namespace {

// Waits again and again, whenever the time is over, until something else happens.
template <class Wait>
coroutine<> wait_on(const Wait& wait, source& s, std::chrono::hours limit) {
  for (;;) {
    try {
      auto waiting = wait(s, limit);
      co_await std::move(waiting);
    } catch (const boost::system::system_error& e) {
      if (e.code() != coppice::errc::timeout) throw;
    }
  }
}

}  // namespace

TEST_CASE("a request to stop goes to what is awaited, and is no time-out") {
  for (const auto& [name, wait] : timed()) {
    for (const auto limit : {std::chrono::hours{1}, std::chrono::hours{0}}) {
      CAPTURE(name);
      CAPTURE(limit.count());
      world w;
      source s{w.io};
      const coppice::pid p = coppice::spawn(w.io, [&] { return wait_on(wait, s, limit); });
      const ending end{p};
      step(w.io, 20);
      REQUIRE(p.alive());
      coppice::exit(p, exit_reason::shutdown("please"));
      w.clock.settle();
      CHECK(end.text() == "shutdown: please");
      CHECK(w.reports.empty());
    }
  }
}

TEST_CASE("a request to stop is not lost, whatever completes or times out before it or after it") {
  for (const int hint : {1, BOOST_ASIO_CONCURRENCY_HINT_DEFAULT}) {
    for (const auto& [name, wait] : timed()) {
      for (int fed_at = 0; fed_at < 4; ++fed_at) {
        for (int asked_at = 0; asked_at < 10; ++asked_at) {
          for (const bool fed_first : {false, true}) {
            for (const auto limit : {std::chrono::hours{1}, std::chrono::hours{0}}) {
              if (hint != 1 && (fed_at > 1 || limit == 0h)) continue;
              world w{hint};
              source s{w.io};
              const coppice::pid p = coppice::spawn(w.io, [&] { return wait_on(wait, s, limit); });
              const ending end{p};
              step(w.io, fed_at);
              if (fed_first) s.feed();
              step(w.io, asked_at);
              coppice::exit(p, exit_reason::shutdown());
              if (!fed_first) s.feed();
              step(w.io, 100);
              if (end.text() != "shutdown") {
                CAPTURE(hint);
                CAPTURE(name);
                CAPTURE(fed_at);
                CAPTURE(asked_at);
                CAPTURE(fed_first);
                CAPTURE(limit.count());
                CHECK(end.text() == "shutdown");
                coppice::kill(p);
                w.clock.settle();
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a request to stop is told as such, even if the time was over before") {
  for (const bool stopped_first : {false, true}) {
    CAPTURE(stopped_first);
    world w;
    std::string log;
    const auto slow = [&]() -> coroutine<> {
      try {
        co_await coppice::sleep_for(1h);
      } catch (...) {
        log += caught() + ' ';
      }
      try {
        co_await coppice::sleep_for(10s);
      } catch (...) {
        log += caught() + " again ";
      }
      throw boost::system::system_error{asio::error::operation_aborted};
    };
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      auto ending = end_of(with_deadline(slow(), 5s));
      log += co_await std::move(ending);
      co_await coppice::sleep_for(1s);
      log += " over";
    });
    w.clock.advance(stopped_first ? 4s : 6s);
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    if (stopped_first) {
      // Its time is over while it cleans up, and changes nothing.
      CHECK(log == "aborted ");
      w.clock.advance(2s);
      CHECK(log == "aborted ");
      w.clock.advance(10s);
      CHECK(log == "aborted aborted over");
    } else {
      CHECK(log == "aborted aborted again aborted");
      w.clock.advance(1s);
      CHECK(log == "aborted aborted again aborted over");
    }
    CHECK_FALSE(p.alive());
  }
}

TEST_CASE("a coroutine hears once of a request to stop that comes when its time is over") {
  bool stopped_first = false;
  bool timed_out_first = false;
  for (int asked_at = 0; asked_at < 12; ++asked_at) {
    CAPTURE(asked_at);
    world w;
    std::string log;
    const auto slow = [&]() -> coroutine<> {
      try {
        co_await coppice::sleep_for(1h);
      } catch (...) {
        log += caught() + ' ';
      }
      try {
        co_await coppice::sleep_for(1s);
        log += "clean ";
      } catch (...) {
        log += caught() + " again ";
      }
      throw boost::system::system_error{asio::error::operation_aborted};
    };
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      auto ending = end_of(with_deadline(slow(), 0s));
      log += co_await std::move(ending);
    });
    step(w.io, asked_at);
    coppice::exit(p, exit_reason::shutdown());
    w.clock.advance(1s);
    // Nothing has run of it; the request came first; the time was over first.
    const bool right =
        log.empty() || log == "aborted clean aborted" || log == "aborted aborted again aborted";
    CHECK_MESSAGE(right, log);
    stopped_first |= log == "aborted clean aborted";
    timed_out_first |= log == "aborted aborted again aborted";
  }
  CHECK(timed_out_first);
  CHECK(stopped_first);
}

TEST_CASE("a result that won is there although the process is asked to stop") {
  world w;
  source s{w.io};
  std::string log;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    auto reading = s.near.async_read_some(asio::buffer(s.bytes), asio::deferred);
    s.feed();
    coppice::exit(coppice::self(), exit_reason::shutdown());
    auto one = value_of(with_deadline(std::move(reading), 1s));
    log += co_await std::move(one) + ' ';
    auto two = value_of(with_deadline(s.box.receive(), 1s));
    log += co_await std::move(two) + ' ';
    log += std::to_string(co_await with_deadline(s.box.receive(), 1s));
  });
  w.clock.settle();
  CHECK(log == "2 aborted 1");
  CHECK_FALSE(p.alive());
}

TEST_CASE("a kill destroys what is awaited with a deadline, the innermost first") {
  world w;
  std::string log;
  source s{w.io};
  const auto inner = [&](bool in_asio) -> coroutine<> {
    const traced t{log, "inner"};
    auto waiting = in_asio ? read_two(s) : deep(s, 1);
    co_await std::move(waiting);
  };
  const auto middle = [&](bool in_asio) -> coroutine<> {
    const traced t{log, "middle"};
    auto waiting = inner(in_asio);
    co_await with_deadline(std::move(waiting), 2s);
  };
  for (const bool in_asio : {false, true}) {
    for (const auto killed_at : {0s, 1s, 2s}) {
      for (const bool killed_first : {false, true}) {
        CAPTURE(in_asio);
        CAPTURE(killed_at.count());
        CAPTURE(killed_first);
        log.clear();
        coppice::pid p;
        const auto killer = [&]() -> coroutine<> {
          co_await coppice::sleep_for(killed_at);
          coppice::kill(p);
        };
        if (killed_first) coppice::spawn(w.io, killer);
        p = coppice::spawn(w.io, [&]() -> coroutine<> {
          const traced t{log, "outer"};
          auto waiting = middle(in_asio);
          co_await with_deadline(std::move(waiting), 1s);
          log += "never ";
        });
        if (!killed_first) coppice::spawn(w.io, killer);
        const ending end{p};
        w.clock.advance(killed_at);
        if (killed_at == 1s && end.text() != "killed") {
          // Its time was over first.
          CHECK(end.text().find("time ran out") != std::string::npos);
        } else if (killed_at < 2s) {
          CHECK(end.text() == "killed");
        }
        CHECK(log == "inner middle outer ");
        CHECK(coppice::processes(w.io).empty());
      }
    }
  }
}

TEST_CASE("a process is killed, or ends, from within what it awaits with a deadline") {
  world w;
  std::string log;
  std::string expected;
  std::function<coroutine<>()> last;
  SUBCASE("by a kill, and a wait") {
    last = []() -> coroutine<> {
      coppice::kill(coppice::self());
      co_await coppice::sleep_for(1h);
    };
    expected = "killed";
  }
  SUBCASE("by a kill, and an operation of Asio") {
    last = []() -> coroutine<> {
      coppice::kill(coppice::self());
      co_await asio::post(use_coroutine);
    };
    expected = "killed";
  }
  SUBCASE("by exit") {
    last = []() -> coroutine<> { co_await coppice::exit(exit_reason::shutdown("myself")); };
    expected = "shutdown: myself";
  }
  SUBCASE("by a kill, and a return") {
    last = []() -> coroutine<> {
      coppice::kill(coppice::self());
      co_return;
    };
    expected = "killed";
  }
  const auto part = [&](bool waits) -> coroutine<> {
    const traced t{log, "inner"};
    if (waits) co_await coppice::sleep_for(1s);
    auto ends = last();
    co_await std::move(ends);
  };
  for (const bool waits : {false, true}) {
    for (const deadline d : {deadline{1h}, deadline{0s}, deadline{1s}}) {
      if (waits && !(d.from({}) == coppice::time_limit{1h})) continue;
      log.clear();
      const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
        const traced t{log, "outer"};
        auto running = part(waits);
        co_await with_deadline(std::move(running), d);
        co_await coppice::sleep_for(1h);
      });
      const ending end{p};
      w.clock.advance(1s);
      CHECK(end.text() == expected);
      CHECK(log == "inner outer ");
    }
  }
}

TEST_CASE("a process that is killed when its time is over, before it has heard of that") {
  for (const auto& [name, wait] : timed()) {
    for (int steps = 0; steps < 8; ++steps) {
      CAPTURE(name);
      CAPTURE(steps);
      world w;
      source s{w.io};
      std::string log;
      const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
        const traced t{log, "body"};
        for (;;) {
          auto once = end_of(wait, s, 0s);
          co_await std::move(once);
        }
      });
      step(w.io, steps);
      coppice::kill(p);
      w.clock.settle();
      CHECK_FALSE(p.alive());
      CHECK(log == (steps == 0 ? "" : "body "));
    }
  }
}

TEST_CASE("what ignores its cancellation is awaited until it ends, or its process is killed") {
  for (const bool killed : {false, true}) {
    world w;
    asio::cancellation_signal none;
    std::function<void()> complete;
    std::string log;
    const auto ignore = [&](auto&& token) {
      return asio::async_initiate<decltype(token), void(boost::system::error_code, int)>(
          [&complete](auto handler) {
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            complete = [kept]() mutable {
              auto h = std::move(*kept);
              const auto ex = asio::get_associated_executor(h);
              asio::dispatch(ex, [h = std::move(h)]() mutable {
                std::move(h)(boost::system::error_code{}, 3);
              });
            };
          },
          token);
    };
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      const traced t{log, "body"};
      auto ending = value_of(with_deadline(ignore(asio::deferred), 1s));
      log += co_await std::move(ending) + ' ';
    });
    w.clock.advance(1min);
    CHECK(log.empty());
    CHECK(p.alive());
    if (killed) {
      coppice::kill(p);
      w.clock.advance(1s);
      CHECK_FALSE(p.alive());
      complete = nullptr;
      w.clock.settle();
      CHECK(log == "body ");
    } else {
      complete();
      w.clock.settle();
      CHECK(log == "3 body ");
    }
  }
}

TEST_CASE("a process whose operation is dropped, or fails to begin, ends as it does without one") {
  enum class how { begun, later, elsewhere, thrown, thrown_and_kept };
  for (const auto& [what, expected] : {std::pair{how::begun, "killed"}, {how::later, "killed"},
                                      {how::elsewhere, "killed"},
                                      {how::thrown, "std::runtime_error: no start"},
                                      {how::thrown_and_kept, "std::runtime_error: no start"}}) {
    CAPTURE(expected);
    world w;
    std::function<void()> drop;
    std::string log;
    const auto dropped = [&, what = what](auto&& token) {
      return asio::async_initiate<decltype(token), void(boost::system::error_code)>(
          [&, what](auto handler) {
            if (what == how::thrown) throw std::runtime_error{"no start"};
            auto kept = std::make_shared<decltype(handler)>(std::move(handler));
            if (what != how::begun) drop = [kept]() mutable { kept.reset(); };
            if (what == how::thrown_and_kept) throw std::runtime_error{"no start"};
          },
          token);
    };
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      const traced t{log, "body"};
      co_await with_deadline(dropped(asio::deferred), 1s);
    });
    const ending end{p};
    w.clock.settle();
    if (drop) {
      CHECK(p.alive() == (what != how::thrown_and_kept));
      if (what == how::elsewhere) {
        std::thread{[&] { drop = nullptr; }}.join();
      } else {
        drop = nullptr;
      }
      w.clock.settle();
    }
    CHECK(end.text() == expected);
    CHECK(log == "body ");
    CHECK_FALSE(w.clock.jump());
  }
}

TEST_CASE("a call fails with timeout, and the next one is answered") {
  struct echo {
    struct twice {
      using reply = int;
      int of;
    };
    coroutine<int> handle(twice m) {
      co_await coppice::sleep_for(2s);
      co_return 2 * m.of;
    }
  };
  world w;
  std::string log;
  const auto server = coppice::start_server<echo>(w.io, "echo");
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto one = value_of(with_deadline(server.call(echo::twice{1}, coppice::infinity), 1s));
    log += co_await std::move(one) + ' ';
    auto two = value_of(with_deadline(server.call(echo::twice{2}), 4s));
    log += co_await std::move(two) + ' ';
    // The limit of the call itself is reached first.
    auto three = value_of(with_deadline(server.call(echo::twice{3}, 1s), 2s));
    log += co_await std::move(three);
  });
  w.clock.advance(10s);
  CHECK(log == "timeout 4 timeout");
  coppice::kill(server.whereis());
  w.clock.settle();
}

TEST_CASE("a permit is neither lost nor kept by who waited too long") {
  for (const int returned_at : {0, 1, 2}) {
    world w;
    coppice::semaphore s{1};
    std::string log;
    std::optional<coppice::permit> held = s.try_acquire();
    const auto give_back = [&]() -> coroutine<> {
      co_await coppice::sleep_for(1s);
      held.reset();
    };
    if (returned_at == 0) coppice::spawn(w.io, give_back);
    coppice::spawn(w.io, [&]() -> coroutine<> {
      try {
        const coppice::permit mine = co_await with_deadline(s.acquire(), 1s);
        log += "first ";
      } catch (...) {
        log += caught() + ' ';
      }
    });
    if (returned_at == 1) coppice::spawn(w.io, give_back);
    coppice::spawn(w.io, [&]() -> coroutine<> {
      const coppice::permit mine = co_await with_deadline(s.acquire(), 2s);
      log += "second ";
    });
    if (returned_at == 2) coppice::spawn(w.io, give_back);
    w.clock.advance(1s);
    CHECK(log == (returned_at == 0 ? "first second " : "timeout second "));
    CHECK(s.available() == 1);
    CHECK(s.waiting() == 0);
  }
}

TEST_CASE("an outer cancellation other than a request to stop is no time-out either") {
  world w;
  source s{w.io};
  std::string log;
  const auto timed_read = [&](std::string& to) -> asio::awaitable<void> {
    try {
      co_await with_deadline(s.near.async_read_some(asio::buffer(s.bytes), asio::deferred), 1h);
    } catch (...) {
      to = caught();
    }
  };
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto race = timed_read(log) || coppice::sleep_for(1s)(asio::use_awaitable);
    co_await std::move(race);
    log += " over";
  });
  w.clock.advance(1s);
  CHECK(log == "aborted over");
}

TEST_CASE("deadlines in both branches of a race end in one moment, each told once") {
  world w;
  std::string log;
  const auto branch = [&](std::string name, deadline d) -> asio::awaitable<void> {
    const auto slow = [&]() -> asio::awaitable<void> {
      try {
        co_await coppice::sleep_for(1h);
      } catch (...) {
        log += name + " heard ";
      }
      co_await coppice::sleep_for(1s);
      log += name + " clean ";
      throw boost::system::system_error{asio::error::operation_aborted};
    };
    auto running = slow();
    try {
      co_await with_deadline(std::move(running), d);
    } catch (...) {
      log += name + ' ' + caught() + ' ';
    }
  };
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto both = branch("a", 1s) && branch("b", 1s);
    co_await std::move(both);
    log += "over";
  });
  w.clock.advance(1s);
  CHECK(log == "a heard b heard ");
  w.clock.advance(1s);
  CHECK(log == "a heard b heard a clean a timeout b clean b timeout over");
}

TEST_CASE("the io_context goes while something is awaited with a deadline") {
  for (const auto& [name, wait] : timed()) {
    for (int steps = 0; steps < 6; ++steps) {
      for (const auto limit : {std::chrono::hours{1}, std::chrono::hours{0}}) {
        std::string log;
        std::unique_ptr<source> s;
        {
          world w;
          s = std::make_unique<source>(w.io);
          coppice::spawn(w.io, [&]() -> coroutine<> {
            const traced t{log, "body"};
            auto waiting = wait(*s, limit);
            co_await std::move(waiting);
          });
          step(w.io, steps);
          s->far.close();
          s->near.close();
          s->timer.cancel();
          s.reset();
        }
        CHECK(log == (steps == 0 ? "" : "body "));
      }
    }
  }
}

TEST_CASE("a handler of another kind is called in the process that began the operation") {
  world w;
  std::string log;
  coppice::pid seen;
  coppice::mailbox<int> box;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    with_deadline(box.receive(), 1s)([&](boost::system::error_code ec, int n) {
      seen = coppice::self();
      log += ec == coppice::errc::timeout ? "timeout " : std::to_string(n) + ' ';
    });
    co_await coppice::sleep_for(1h);
  });
  w.clock.advance(1s);
  CHECK(log == "timeout ");
  CHECK(seen == p);
  coppice::kill(p);
  w.clock.settle();
  CHECK_FALSE(p.alive());
}

TEST_CASE("a deadline is one of a process") {
  world w;
  asio::steady_timer timer{w.io};
  CHECK_THROWS_AS(static_cast<void>(with_deadline(timer.async_wait(asio::deferred), 1s)),
                  std::logic_error);
  const auto make = [] { return with_deadline(coppice::sleep_for(1h), 1s); };
  std::optional<decltype(make())> made;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    made.emplace(make());
    co_return;
  });
  w.clock.settle();
  REQUIRE(made);
  CHECK_THROWS_AS(std::move(*made)([](boost::system::error_code) {}), std::logic_error);

  world other;
  asio::any_io_executor elsewhere;
  const coppice::pid there = coppice::spawn(other.io, [&]() -> coroutine<> {
    elsewhere = co_await asio::this_coro::executor;
    co_await coppice::sleep_for(1h);
  });
  other.clock.settle();
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto handler = asio::bind_executor(elsewhere, [](boost::system::error_code) {});
    CHECK_THROWS_AS(make()(std::move(handler)), std::logic_error);
    co_return;
  });
  w.clock.settle();
  coppice::kill(there);
  other.clock.settle();
}
