#include <coppice/process.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

using coppice::exit_reason;

namespace {

// Something to wait for that completes when the test says so, and cannot be cancelled.
class stubborn {
 public:
  auto wait() {
    return asio::async_initiate<decltype(use_coroutine), void()>(
        [this](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          waiting_.push_back([shared] {
            auto ex = asio::get_associated_executor(*shared);
            asio::dispatch(ex, std::move(*shared));
          });
        },
        use_coroutine);
  }

  void complete() {
    for (const auto& f : std::exchange(waiting_, {})) f();
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<std::function<void()>> waiting_;
};

}  // namespace

// PROC-06
TEST_CASE("a killed process that cannot be interrupted is given up after a while, and reported") {
  world w;
  stubborn s;
  std::string log;
  const coppice::pid p = coppice::spawn(
      w.io,
      [&]() -> coroutine<> {
        const traced frame{log, "frame"};
        co_await s.wait();
        log += "refused ";
      },
      "stubborn");
  const ending end{p};
  w.clock.settle();
  coppice::kill(p);
  w.clock.advance(999ms);
  CHECK(end.text() == "not yet");
  w.clock.advance(1ms);
  CHECK(end.text() == "killed");
  CHECK_FALSE(p.alive());
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0].find("stubborn") != std::string::npos);
  CHECK(w.reports[0].find("abandoned") != std::string::npos);
  CHECK(log.empty());
  s.complete();
  w.clock.settle();
  CHECK(log == "frame ");
}

TEST_CASE("what arrives for an abandoned process never runs as one that came later") {
  world w;
  stubborn s;
  std::string log;
  constexpr int count = 50;
  for (int i = 0; i < count; ++i) {
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
      const traced frame{log, "."};
      co_await s.wait();
      log += "refused ";
    });
    w.clock.settle();
    coppice::kill(p);
  }
  w.clock.advance(1s);
  CHECK(w.reports.size() == count);
  int ended = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) {
      coppice::spawn(w.io, [&ended]() -> coroutine<> {
        co_await coppice::sleep_for(1s);
        ++ended;
      });
    }
    w.clock.settle();
    if (round == 1) s.complete();
    w.clock.advance(1s);
  }
  CHECK(ended == 3000);
  CHECK(log.size() == 2 * count);
  CHECK(log.find("refused") == std::string::npos);
  CHECK(coppice::processes(w.io).empty());
}

TEST_CASE("a completion that comes before the time is up ends a killed process without a report") {
  world w;
  stubborn s;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> { co_await s.wait(); });
  const ending end{p};
  coppice::set_abandon_after(w.io, 10s);
  w.clock.settle();
  coppice::kill(p);
  w.clock.advance(9s);
  CHECK(end.text() == "not yet");
  s.complete();
  w.clock.settle();
  CHECK(end.text() == "killed");
  w.clock.advance(10s);
  CHECK(w.reports.empty());
}

TEST_CASE("each abandoned process gets its own time") {
  world w;
  stubborn s;
  std::vector<ending> ends;
  for (int i = 0; i < 3; ++i) {
    const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> { co_await s.wait(); });
    ends.emplace_back(p);
    w.clock.advance(300ms);
    coppice::kill(p);
  }
  w.clock.advance(400ms);
  CHECK(ends[0].text() == "killed");
  CHECK(ends[1].text() == "not yet");
  w.clock.advance(300ms);
  CHECK(ends[1].text() == "killed");
  CHECK(ends[2].text() == "not yet");
  w.clock.advance(300ms);
  CHECK(ends[2].text() == "killed");
}

TEST_CASE("a process that is being killed is not alive for long, and takes no more signals") {
  world w;
  stubborn s;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> { co_await s.wait(); });
  const ending end{p};
  w.clock.settle();
  coppice::kill(p);
  coppice::exit(p, exit_reason::error("too late"));
  coppice::kill(p);
  w.clock.advance(1s);
  CHECK(end.text() == "killed");
}

TEST_CASE("an operation that completes from within its cancellation refuses no kill") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    world w;
    std::string log;
    const coppice::pid p = coppice::spawn(w.io, [&log]() -> coroutine<> {
      const traced frame{log, "frame"};
      auto prompt = [](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        asio::get_associated_cancellation_slot(*shared).assign([shared](asio::cancellation_type) {
          auto ex = asio::get_associated_executor(*shared);
          asio::dispatch(ex, std::move(*shared));
        });
      };
      co_await asio::async_initiate<decltype(use_coroutine), void()>(prompt, use_coroutine);
      log += "completed ";
      coppice::kill(coppice::self());
      co_await coppice::sleep_for(1h);
    });
    const ending end{p};
    w.clock.settle();
    if (killed) {
      coppice::kill(p);
    } else {
      coppice::exit(p, exit_reason::shutdown());
    }
    w.clock.settle();
    CHECK(end.text() == "killed");
    // A killed awaitable goes on to its next wait; a killed task does not.
#if defined(COPPICE_TEST_TASKS)
    CHECK(log == (killed ? "frame " : "completed frame "));
#else
    CHECK(log == "completed frame ");
#endif
    CHECK(w.reports.empty());
  }
}
