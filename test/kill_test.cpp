#include <coppice/process.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

using namespace asio::experimental::awaitable_operators;
using asio::ip::tcp;
using coppice::exit_reason;
using channel_type = asio::experimental::channel<void(boost::system::error_code, int)>;
using body_function = std::function<coroutine<>()>;

namespace {

// Of a process, or beside it.
template <class Coroutine = coroutine<>>
Coroutine for_ever() {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  timer.expires_at(asio::steady_timer::time_point::max());
  co_await timer.async_wait(use_coroutine);
}

template <class Coroutine = coroutine<>>
Coroutine asleep() {
  co_await coppice::sleep_for(24h);
}

const std::map<std::string, body_function>& waits() {
  static const std::map<std::string, body_function> all{
      {"an Asio timer", &for_ever<>},
      {"a sleep", &asleep<>},
      {"a mailbox",
       []() -> coroutine<> {
         coppice::mailbox<int> box;
         co_await box.receive();
       }},
      {"the death of another",
       []() -> coroutine<> {
         const coppice::pid other = coppice::spawn(asleep<>);
         co_await coppice::await_exit(other);
       }},
      {"an acceptor",
       []() -> coroutine<> {
         tcp::acceptor acceptor{co_await asio::this_coro::executor, {tcp::v4(), 0}};
         co_await acceptor.async_accept(use_coroutine);
       }},
      {"a composed read",
       []() -> coroutine<> {
         asio::local::stream_protocol::socket near{co_await asio::this_coro::executor};
         asio::local::stream_protocol::socket far{near.get_executor()};
         asio::local::connect_pair(near, far);
         char bytes[10];
         co_await asio::async_read(near, asio::buffer(bytes), use_coroutine);
       }},
      {"a channel",
       []() -> coroutine<> {
         channel_type channel{co_await asio::this_coro::executor, 1};
         co_await channel.async_receive(use_coroutine);
       }},
      {"an awaitable",
       []() -> coroutine<> {
         auto nested = for_ever<beside>();
         co_await std::move(nested);
       }},
      {"either of two",
       []() -> coroutine<> {
         auto both = for_ever<beside>() || asleep<beside>();
         co_await std::move(both);
       }},
      {"either of two timers",
       []() -> coroutine<> {
         auto both = for_ever<beside>() || for_ever<beside>();
         co_await std::move(both);
       }},
      {"both of two",
       []() -> coroutine<> {
         auto both = for_ever<beside>() && asleep<beside>();
         co_await std::move(both);
       }},
      {"either of four",
       []() -> coroutine<> {
         auto four =
             (for_ever<beside>() || asleep<beside>()) && (asleep<beside>() || for_ever<beside>());
         co_await std::move(four);
       }},
      {"a helper coroutine",
       []() -> coroutine<> {
         const auto ex = co_await asio::this_coro::executor;
         co_await asio::co_spawn(ex, for_ever<beside>(), use_coroutine);
       }},
      {"the helper of a helper",
       []() -> coroutine<> {
         auto helper = []() -> beside {
           const auto ex = co_await asio::this_coro::executor;
           co_await asio::co_spawn(ex, for_ever<beside>(), use_coroutine);
         };
         const auto ex = co_await asio::this_coro::executor;
         co_await asio::co_spawn(ex, helper(), use_coroutine);
       }},
  };
  return all;
}

}  // namespace

// PROC-06
TEST_CASE("a kill cannot be refused: a process that swallows everything is gone at once") {
  for (const auto& [name, wait] : waits()) {
    CAPTURE(name);
    world w;
    std::string log;
    int swallowed = 0;
    coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      const traced frame{log, "frame"};
      for (;;) {
        try {
          co_await wait();
        } catch (...) {
          ++swallowed;
        }
      }
    });
    const ending end{p};
    w.clock.settle();
    REQUIRE(p.alive());
    coppice::kill(p);
    w.clock.settle();
    CHECK(end.text() == "killed");
    CHECK(log == "frame ");
    CHECK(swallowed == 0);
    CHECK(w.reports.empty());
  }
}

// PROC-06
TEST_CASE("a kill by another process, or amid a clean-up, is no less a kill") {
  for (const auto& [name, wait] : waits()) {
    CAPTURE(name);
    world w;
    std::string log;
    bool heard = false;
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      const traced frame{log, "frame"};
      try {
        co_await wait();
      } catch (...) {
        heard = true;
      }
      try {
        co_await wait();
      } catch (...) {
        log += "refused ";
      }
    });
    const ending end{p};
    w.clock.settle();
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(heard);
    coppice::spawn(w.io, [p]() -> coroutine<> {
      coppice::kill(p);
      co_return;
    });
    w.clock.settle();
    CHECK(end.text() == "killed");
    CHECK(log == "frame ");
  }
}

// PROC-06, PROC-17
TEST_CASE("frames are destroyed innermost first, and self is the process while they are") {
  world w;
  std::string log;
  struct witness {
    std::string& log;
    std::string name;
    coppice::pid owner = coppice::self();
    ~witness() { log += name + (coppice::self() == owner ? " " : "(somebody else) "); }
  };
  std::function<coroutine<>(int)> deep = [&](int depth) -> coroutine<> {
    const witness here{log, std::to_string(depth)};
    if (depth == 0) {
      co_await for_ever();
    } else {
      co_await deep(depth - 1);
    }
  };
  const coppice::pid p = coppice::spawn(w.io, [&]() { return deep(4); });
  w.clock.settle();
  coppice::kill(p);
  w.clock.settle();
  CHECK(log == "0 1 2 3 4 ");
  CHECK_FALSE(p.alive());
}

// PROC-17, INIT-03
TEST_CASE("who hears of the death of a killed listener can listen on its port at once") {
  world w;
  for (int i = 0; i < 20; ++i) {
    unsigned short port = 0;
    const coppice::pid listener = coppice::spawn(w.io, [&port]() -> coroutine<> {
      tcp::acceptor acceptor{co_await asio::this_coro::executor, {tcp::v4(), 0}, false};
      port = acceptor.local_endpoint().port();
      for (;;) {
        try {
          co_await acceptor.async_accept(use_coroutine);
        } catch (...) {
        }
      }
    });
    w.clock.settle();
    bool bound = false;
    const ending heir{coppice::spawn(w.io, [&, listener]() -> coroutine<> {
      coppice::kill(listener);
      co_await coppice::await_exit(listener);
      const tcp::acceptor acceptor{co_await asio::this_coro::executor, {tcp::v4(), port}, false};
      bound = true;
    })};
    w.clock.settle();
    CHECK(heir.text() == "normal");
    CHECK(bound);
  }
}

// PROC-06
TEST_CASE("a process that kills itself runs on to its next wait, and no further") {
  world w;
  std::string log;
  const ending end{coppice::spawn(w.io, [&log]() -> coroutine<> {
    const traced frame{log, "frame"};
    coppice::kill(coppice::self());
    log += "on ";
    try {
      co_await coppice::sleep_for(0s);
    } catch (...) {
      log += "caught ";
    }
    log += "back ";
  })};
  w.clock.settle();
  CHECK(log == "on frame ");
  CHECK(end.text() == "killed");
}

TEST_CASE("a destructor may kill another process, even one that is being killed or its own") {
  world w;
  struct avenger {
    const coppice::pid& victim;
    ~avenger() { coppice::kill(victim); }
  };
  coppice::pid p[3];
  for (int i = 0; i < 3; ++i) {
    p[i] = coppice::spawn(w.io, [&p, i]() -> coroutine<> {
      const avenger next{p[(i + 1) % 3]};
      const avenger mine{p[i]};
      co_await for_ever();
    });
  }
  const ending ends[] = {ending{p[0]}, ending{p[1]}, ending{p[2]}};
  w.clock.settle();
  coppice::kill(p[0]);
  w.clock.settle();
  for (const ending& end : ends) CHECK(end.text() == "killed");
}

TEST_CASE("helper coroutines never run again after their process has ended, killed or not") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    world w;
    std::string log;
    auto timer = std::make_shared<asio::steady_timer>(w.io);
    timer->expires_at(asio::steady_timer::time_point::max());
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      auto helper = [&log, timer](bool sleeps) -> beside {
        const traced frame{log, sleeps ? "sleeper" : "waiter"};
        boost::system::error_code ec;
        if (sleeps) {
          co_await coppice::sleep_for(2s);
        } else {
          co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        }
        log += "alive ";
      };
      const auto ex = co_await asio::this_coro::executor;
      asio::co_spawn(ex, helper(true), asio::detached);
      asio::co_spawn(ex, helper(false), asio::detached);
      co_await coppice::sleep_for(1s);
    });
    w.clock.settle();
    if (killed) coppice::kill(p);
    w.clock.advance(1s);
    CHECK_FALSE(p.alive());
    CHECK(log == "sleeper ");
    timer->cancel();
    w.clock.advance(2s);
    CHECK(log == "sleeper waiter ");
  }
}

TEST_CASE("an end from within a helper or an operator takes the whole process along") {
  world w;
  std::string log;
  auto leave = [&log]() -> beside {
    const traced frame{log, "leaver"};
    co_await coppice::sleep_for(1s);
    co_await coppice::exit(exit_reason::shutdown("through"));
  };
  auto stay = [&log]() -> beside {
    const traced frame{log, "stayer"};
    co_await for_ever<beside>();
  };
  const ending either{coppice::spawn(w.io, [&]() -> coroutine<> {
    const traced frame{log, "body"};
    auto both = leave() || stay();
    co_await std::move(both);
  })};
  w.clock.advance(1s);
  CHECK(either.text() == "shutdown: through");
  CHECK(log == "leaver stayer body ");
  log.clear();
  const ending helper{coppice::spawn(w.io, [&]() -> coroutine<> {
    const traced frame{log, "body"};
    const auto ex = co_await asio::this_coro::executor;
    co_await asio::co_spawn(ex, leave(), use_coroutine);
  })};
  w.clock.advance(1s);
  CHECK(helper.text() == "shutdown: through");
  CHECK(log == "leaver body ");
}
