#include <coppice/process.hpp>

#include <coppice/link.hpp>
#include <coppice/process_info.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <typeinfo>

using coppice::exit_reason;

TEST_CASE("spawn returns a pid at once and runs nothing yet") {
  world w;
  bool ran = false;
  const coppice::pid p = coppice::spawn(w.io, [&ran]() -> coroutine<> {
    ran = true;
    co_return;
  });
  CHECK(p.alive());
  CHECK_FALSE(ran);
  w.clock.settle();
  CHECK(ran);
  CHECK_FALSE(p.alive());
}

// PROC-01
TEST_CASE("a process that returns ends with reason normal") {
  world w;
  const ending at_once{coppice::spawn(w.io, []() -> coroutine<> { co_return; })};
  const ending later{
      coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(1s); })};
  w.clock.settle();
  CHECK(at_once.text() == "normal");
  CHECK(later.text() == "not yet");
  w.clock.advance(1s);
  CHECK(later.text() == "normal");
  CHECK(w.reports.empty());
}

// PROC-01
TEST_CASE("a process that throws ends with the very exception, before its first wait or after") {
  for (const bool waits : {false, true}) {
    CAPTURE(waits);
    world w;
    const std::exception_ptr thrown = std::make_exception_ptr(std::out_of_range{"too far"});
    const ending end{coppice::spawn(w.io, [&]() -> coroutine<> {
      if (waits) co_await coppice::sleep_for(1s);
      std::rethrow_exception(thrown);
    })};
    w.clock.advance(1s);
    REQUIRE(end.reason());
    CHECK(end.reason()->exception() == thrown);
    CHECK(end.reason()->is_abnormal());
    CHECK(*end.reason()->exception_type() == typeid(std::out_of_range));
    CHECK(end.text() == "std::out_of_range: too far");
  }
}

// PROC-01
TEST_CASE("a function that throws before it has made a coroutine crashes the process alone") {
  world w;
  const ending end{
      coppice::spawn(w.io, []() -> coroutine<> { throw std::runtime_error{"no coroutine yet"}; })};
  CHECK_NOTHROW(w.clock.settle());
  CHECK(end.text() == "std::runtime_error: no coroutine yet");
}

// PROC-01
TEST_CASE("anything may be thrown, and an exit_exception names the reason") {
  world w;
  const ending number{coppice::spawn(w.io, []() -> coroutine<> {
    throw 42;
    co_return;
  })};
  const ending reason{coppice::spawn(w.io, []() -> coroutine<> {
    co_await coppice::sleep_for(0s);
    throw coppice::exit_exception{exit_reason::shutdown("done here")};
  })};
  w.clock.settle();
  REQUIRE(number.reason());
  CHECK(*number.reason()->exception_type() == typeid(int));
  CHECK(reason.text() == "shutdown: done here");
}

// PROC-01
TEST_CASE("exit ends the calling process where it stands, frames and all, innermost first") {
  world w;
  std::string log;
  auto inner = [&log]() -> coroutine<> {
    const traced here{log, "inner"};
    co_await coppice::exit(exit_reason::error("enough"));
    log += "returned ";
  };
  const ending end{coppice::spawn(w.io, [&]() -> coroutine<> {
    const traced here{log, "outer"};
    try {
      co_await inner();
    } catch (...) {
      log += "caught ";
    }
    log += "went on ";
  })};
  w.clock.settle();
  CHECK(end.text() == "error: enough");
  CHECK(log == "inner outer ");
}

TEST_CASE("a body is a function or a coroutine, on any_io_executor or on coppice's own") {
  world w;
  std::string log;
  auto plain = [&log]() -> coroutine<> {
    co_await coppice::sleep_for(1s);
    log += "plain ";
  };
  auto own = [&log]() -> lean_coroutine<> {
    co_await coppice::sleep_for(1s);
    log += "own ";
  };
  const ending ends[] = {ending{coppice::spawn(w.io, plain)}, ending{coppice::spawn(w.io, own)},
                         ending{coppice::spawn(w.io, plain())},
                         ending{coppice::spawn(w.io, own())}};
  w.clock.advance(1s);
  CHECK(log == "plain own plain own ");
  for (const ending& end : ends) CHECK(end.text() == "normal");
}

// PROC-03
TEST_CASE("a process that is asked to stop before it has run ends with that reason, never called") {
  world w;
  std::string log;
  bool ran = false;
  const coppice::pid p =
      coppice::spawn(w.io, [&ran, kept = traced{log, "captured"}]() -> coroutine<> {
        ran = true;
        co_return;
      });
  const ending end{p};
  coppice::exit(p, exit_reason::shutdown("too early"));
  coppice::exit(p, exit_reason::error("asked second"));
  w.clock.settle();
  CHECK_FALSE(ran);
  CHECK(end.text() == "shutdown: too early");
  CHECK(log == "captured ");
}

// PROC-06
TEST_CASE("a process that is killed before it has run was never called") {
  world w;
  std::string log;
  bool ran = false;
  const coppice::pid p =
      coppice::spawn(w.io, [&ran, kept = traced{log, "captured"}]() -> coroutine<> {
        ran = true;
        co_return;
      });
  const ending end{p};
  coppice::kill(p);
  coppice::kill(p);
  w.clock.settle();
  CHECK_FALSE(ran);
  CHECK(end.text() == "killed");
  CHECK(log == "captured ");
}

// PROC-29
TEST_CASE("crashes never leave the io_context, and nobody else is hurt") {
  world w;
  const coppice::pid bystander =
      coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(10s); });
  for (int i = 0; i < 100; ++i) {
    coppice::spawn(w.io, [i]() -> coroutine<> {
      if (i % 2 == 0) co_await coppice::sleep_for(1s);
      throw std::runtime_error{"crash"};
    });
  }
  CHECK_NOTHROW(w.clock.advance(1s));
  CHECK(bystander.alive());
  CHECK(coppice::processes(w.io).size() == 1);
  CHECK(w.reports.size() == 100);
}

// PROC-29
TEST_CASE("a posted function that throws crashes the process it was posted to, and no other") {
  world w;
  std::string log;
  const coppice::pid p = coppice::spawn(
      w.io,
      [&log]() -> coroutine<> {
        const traced here{log, "frame"};
        asio::post(co_await asio::this_coro::executor,
                   [] { throw std::logic_error{"in the open"}; });
        co_await coppice::sleep_for(1h);
      },
      "victim");
  const coppice::pid other =
      coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(1h); });
  const ending end{p};
  CHECK_NOTHROW(w.clock.settle());
  CHECK(end.text() == "std::logic_error: in the open");
  CHECK(log == "frame ");
  CHECK(other.alive());
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0].find("victim") != std::string::npos);
}

TEST_CASE("what a handler outside of processes throws leaves the io_context, as Asio has it") {
  world w;
  const coppice::pid p = coppice::spawn(w.io, []() -> coroutine<> { co_return; });
  coppice::await_exit(p)(asio::bind_executor(
      w.io.get_executor(), [](const boost::system::error_code&, const exit_reason&) {
        throw std::runtime_error{"for the caller of run"};
      }));
  const ending next{coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(1s); })};
  CHECK_THROWS_AS(w.clock.settle(), std::runtime_error);
  w.clock.advance(1s);
  CHECK(next.text() == "normal");
}

TEST_CASE("self is the process that runs, in every frame and posted function, and nobody outside") {
  world w;
  CHECK_FALSE(coppice::self());
  std::vector<coppice::pid> seen;
  const coppice::pid p = coppice::spawn(w.io, [&seen]() -> coroutine<> {
    seen.push_back(coppice::self());
    asio::post(co_await asio::this_coro::executor, [&seen] { seen.push_back(coppice::self()); });
    auto inner = [&seen]() -> coroutine<> {
      co_await coppice::sleep_for(1s);
      seen.push_back(coppice::self());
    };
    co_await inner();
    seen.push_back(coppice::self());
  });
  w.clock.settle();
  CHECK_FALSE(coppice::self());
  w.clock.advance(1s);
  CHECK(seen == std::vector<coppice::pid>(4, p));
}

// PROC-24
TEST_CASE("a process is labelled when it is spawned or by itself, and reports show the label") {
  world w;
  const coppice::pid p = coppice::spawn(
      w.io,
      []() -> coroutine<> {
        co_await coppice::sleep_for(1s);
        coppice::set_label("second");
        co_await coppice::sleep_for(1s);
        throw std::runtime_error{"over"};
      },
      "first");
  w.clock.settle();
  CHECK(coppice::info(p)->label == "first");
  w.clock.advance(1s);
  CHECK(coppice::info(p)->label == "second");
  w.clock.advance(1s);
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0].find("second") != std::string::npos);
}

// LOG-11, LOG-19
TEST_CASE("only an error of a process that nobody supervises is reported") {
  world w;
  coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::exit({}); });
  coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::exit(exit_reason::shutdown()); });
  coppice::kill(coppice::spawn(w.io, []() -> coroutine<> { co_return; }));
  w.clock.settle();
  CHECK(w.reports.empty());
  coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::exit(exit_reason::error("loud")); });
  w.clock.settle();
  CHECK(w.reports.size() == 1);
}

// PROC-25
TEST_CASE("info tells of a living process, and of a dead one nothing") {
  world w;
  coppice::pid peer;
  const coppice::pid p = coppice::spawn(w.io, [&peer]() -> coroutine<> {
    peer = coppice::spawn_link([]() -> coroutine<> { co_await coppice::sleep_for(2s); });
    co_await coppice::sleep_for(1s);
  });
  CHECK_FALSE(coppice::info(p)->started);
  w.clock.settle();
  const auto known = coppice::info(p);
  REQUIRE(known);
  CHECK(known->id == p);
  CHECK(known->started);
  CHECK(known->waiting_in_coppice);
  CHECK_FALSE(known->traps_exits);
  CHECK(known->links == std::vector<coppice::pid>{peer});
  CHECK(coppice::info(peer)->links == std::vector<coppice::pid>{p});
  w.clock.advance(1s);
  CHECK_FALSE(coppice::info(p));
  CHECK(coppice::info(peer)->links.empty());
  CHECK_FALSE(coppice::info(coppice::pid{}));
}

// PROC-28
TEST_CASE("a process knows its chain of parents, as far as they live") {
  world w;
  coppice::pid chain[3];
  chain[0] = coppice::spawn(w.io, [&chain]() -> coroutine<> {
    chain[1] = coppice::spawn([&chain]() -> coroutine<> {
      chain[2] = coppice::spawn([]() -> coroutine<> { co_await coppice::sleep_for(1h); });
      co_await coppice::sleep_for(1s);
    });
    co_await coppice::sleep_for(1h);
  });
  w.clock.settle();
  CHECK(coppice::info(chain[2])->ancestors == std::vector<coppice::pid>{chain[1], chain[0]});
  CHECK_FALSE(coppice::info(chain[0])->parent);
  w.clock.advance(1s);
  CHECK(coppice::info(chain[2])->parent == chain[1]);
  CHECK(coppice::info(chain[2])->ancestors.empty());
}

TEST_CASE("processes are listed in the order of spawning, and their numbers never come again") {
  world w;
  std::vector<coppice::pid> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(coppice::spawn(
        w.io, [i]() -> coroutine<> { co_await coppice::sleep_for(i % 2 == 0 ? 1s : 2s); }));
  }
  CHECK(coppice::processes(w.io) == all);
  w.clock.advance(1s);
  for (int i = 0; i < 10; ++i) {
    all.push_back(coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(1h); }));
  }
  std::erase_if(all, [](const coppice::pid& p) { return p.number() <= 20 && !p.alive(); });
  CHECK(all.size() == 20);
  CHECK(coppice::processes(w.io) == all);
  CHECK(all.back().number() == 30);
}

// PROC-17
TEST_CASE("frames and captures are gone before anybody hears of the death") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    world w;
    std::string log;
    const coppice::pid p =
        coppice::spawn(w.io, [&log, kept = traced{log, "capture"}]() -> coroutine<> {
          const traced local{log, "local"};
          co_await coppice::sleep_for(1s);
        });
    coppice::spawn(w.io, [&log, p]() -> coroutine<> {
      co_await coppice::await_exit(p);
      log += "heard ";
    });
    w.clock.settle();
    if (killed) coppice::kill(p);
    w.clock.advance(1s);
    CHECK(log == "local capture heard ");
  }
}

TEST_CASE("a hundred thousand processes live at once, and all of them end") {
  world w;
  constexpr int count = 100'000;
  int ended = 0;
  for (int i = 0; i < count; ++i) {
    coppice::spawn(w.io, [&ended]() -> lean_coroutine<> {
      co_await coppice::sleep_for(1s);
      ++ended;
    });
  }
  w.clock.settle();
  CHECK(coppice::processes(w.io).size() == count);
  CHECK(ended == 0);
  w.clock.advance(1s);
  CHECK(ended == count);
  CHECK(coppice::processes(w.io).empty());
}

TEST_CASE("spawning without an io_context, linking and exiting are for processes only") {
  const auto body = []() -> coroutine<> { co_return; };
  CHECK_THROWS_AS(coppice::spawn(body), std::logic_error);
  CHECK_THROWS_AS(coppice::spawn_link(body), std::logic_error);
  CHECK_THROWS_AS(coppice::link(coppice::pid{}), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(coppice::sleep_for(1s)), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(coppice::exit(exit_reason{})), std::logic_error);
}
