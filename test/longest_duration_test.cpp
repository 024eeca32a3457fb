// Each duration that the interface takes: the longest one means "for ever", zero and less "at once"
// or is refused.

#include <coppice.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::errc;
using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;
using seen = std::shared_ptr<std::optional<boost::system::error_code>>;

namespace {

constexpr duration for_ever = duration::max();
constexpr duration nearly = duration::max() - 1ns;
constexpr duration over[] = {0s, -1ns, duration::min()};

// Begins an operation, and tells how it completes.
template <class Operation>
seen begin(Operation&& op) {
  auto result = std::make_shared<std::optional<boost::system::error_code>>();
  std::forward<Operation>(op)(
      [result](const boost::system::error_code& ec, auto&&...) { *result = ec; });
  return result;
}
std::string text(const seen& s) { return *s ? (*s)->message() : "pending"; }

// Runs a body for two hours, and tells whether it has come to its end.
bool ends(std::function<coroutine<>()> body) {
  world w;
  const ending end{coppice::spawn(w.io, std::move(body))};
  w.clock.advance(2h);
  return end.reason().has_value();
}

// Never answers.
struct silent {
  struct ask {
    using reply = int;
  };
  void handle(ask, coppice::reply_to<int> r) { kept.push_back(std::move(r)); }
  std::vector<coppice::reply_to<int>> kept;
};

}  // namespace

TEST_CASE("a sleep of the longest time never ends, and one of no time is a turn for the others") {
  CHECK_FALSE(ends([]() -> coroutine<> { co_await coppice::sleep_for(for_ever); }));
  CHECK_FALSE(ends([]() -> coroutine<> { co_await coppice::sleep_for(nearly); }));
  for (const duration d : over) {
    CHECK(ends([d]() -> coroutine<> { co_await coppice::sleep_for(d); }));
  }
}

TEST_CASE(
    "a receive with the longest limit waits for ever, and one with none takes what is there") {
  CHECK_FALSE(ends([]() -> coroutine<> {
    coppice::mailbox<int> box;
    co_await box.receive(for_ever);
  }));
  for (const duration d : over) {
    CHECK(ends([d]() -> coroutine<> {
      coppice::mailbox<int> box;
      co_await box.receive(d);
    }));
  }
}

TEST_CASE("a message with the longest delay is never sent, and one with none at once") {
  world w;
  int got = 0;
  std::optional<duration> left;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    const auto timer = coppice::send_after(box.get_address(), for_ever, 1);
    coppice::send_at(box.get_address(), time_point::max(), 1);
    left = timer.remaining();
    while (co_await box.receive(1h)) ++got;
  });
  w.clock.advance(2h);
  CHECK(got == 0);
  REQUIRE(left.has_value());
  CHECK(*left > 24h);
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    for (const duration d : over) coppice::send_after(box.get_address(), d, 1);
    const auto timer = coppice::send_at(box.get_address(), time_point::min(), 1);
    CHECK(timer.remaining() <= duration::zero());
    while (co_await box.receive(1s)) ++got;
  });
  w.clock.advance(1s);
  CHECK(got == 4);
}

TEST_CASE("a call with the longest limit waits for ever, and one with none fails at once") {
  world w;
  const auto ref = coppice::start_server<silent>(w.io, "silent");
  w.clock.settle();
  const auto asked = begin(ref.call(silent::ask{}, for_ever));
  const auto sent = std::make_shared<coppice::pending_call<int>>(ref.send_request(silent::ask{}));
  const auto answer = begin(sent->receive_response(for_ever));
  const auto stopping = begin(ref.ready(for_ever));
  w.clock.advance(2h);
  CHECK(text(asked) == "pending");
  CHECK(text(answer) == "pending");
  CHECK(text(stopping) == "Success");
  for (const duration d : over) {
    const auto late = begin(ref.call(silent::ask{}, d));
    w.clock.settle();
    CHECK(text(late) == "time ran out");
  }
}

TEST_CASE("an idle timeout of the longest time never comes, and one of no time at once") {
  struct idle {
    struct wait {
      duration time;
    };
    void handle(wait m) { coppice::this_server::idle_after(m.time); }
    void handle(coppice::idle_timeout) { ++*count; }
    int* count;
  };
  world w;
  int count = 0;
  const auto ref = coppice::start_server<idle>(w.io, "idle", &count);
  w.clock.settle();
  ref.cast(idle::wait{for_ever});
  w.clock.advance(2h);
  CHECK(count == 0);
  ref.cast(idle::wait{0s});
  w.clock.advance(0s);
  CHECK(count == 1);
}

namespace {

// Takes two seconds to clean up.
coroutine<> slow_to_stop(int* cleaned) {
  try {
    co_await coppice::sleep_for(10h);
  } catch (const boost::system::system_error&) {
  }
  co_await coppice::sleep_for(2s);
  ++*cleaned;
  co_await coppice::exit(coppice::exit_reason::shutdown());
}

}  // namespace

TEST_CASE("a child with the longest shutdown time may clean up, under a supervisor of any kind") {
  world w;
  int cleaned = 0;
  const auto child =
      coppice::worker("slow", [&] { return slow_to_stop(&cleaned); }).with_shutdown(for_ever);
  const auto sup = coppice::start_supervisor(
      w.io, coppice::supervisor_spec{.strategy = coppice::one_for_one, .children = {child}});
  const auto dynamic = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  dynamic.start_child(child);
  dynamic.start_child(child);
  w.clock.settle();
  const auto stopping = begin(sup.stop());
  const auto dynamic_stopping = begin(dynamic.stop(coppice::exit_reason::shutdown(), for_ever));
  w.clock.advance(5s);
  CHECK(cleaned == 3);
  CHECK(text(stopping) == "Success");
  CHECK(text(dynamic_stopping) == "Success");
}

TEST_CASE("a child with the longest time to start may take it") {
  world w;
  const auto sup = coppice::start_supervisor(
      w.io, coppice::supervisor_spec{
                .strategy = coppice::one_for_one,
                .children = {coppice::worker("slow", [](coppice::init_ack up) -> coroutine<> {
                               co_await coppice::sleep_for(2s);
                               up.ready();
                               co_await coppice::sleep_for(10h);
                             }).with_start_limit(for_ever)}});
  const auto up = begin(sup.ready());
  w.clock.advance(5s);
  CHECK(text(up) == "Success");
}

TEST_CASE("a restart window of the longest time forgets nothing") {
  world w;
  int starts = 0;
  const auto sup = coppice::start_supervisor(
      w.io, coppice::supervisor_spec{.strategy = coppice::one_for_one,
                                     .intensity = 2,
                                     .period = for_ever,
                                     .children = {coppice::worker("c", [&]() -> coroutine<> {
                                       ++starts;
                                       co_await coppice::sleep_for(1h);
                                       throw std::runtime_error{"crash"};
                                     })}});
  w.clock.advance(10h);
  CHECK(starts == 3);
  CHECK_FALSE(sup.alive());
}

TEST_CASE("durations that cannot be meant are refused where they are given") {
  world w;
  for (const duration d : over) {
    CAPTURE(d.count());
    const auto start = [&](coppice::supervisor_spec s) { coppice::start_supervisor(w.io, s); };
    CHECK_THROWS_AS(start({.strategy = coppice::one_for_one, .period = d}), std::invalid_argument);
    CHECK_THROWS_AS(start({.strategy = coppice::one_for_one,
                           .children = {coppice::worker("c", []() -> coroutine<> { co_return; })
                                            .with_start_limit(d)}}),
                    std::invalid_argument);
  }
}

TEST_CASE("a process that is to be abandoned after the longest time never is") {
  world w;
  coppice::set_abandon_after(w.io, for_ever);
  std::function<void()> complete;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    auto op = asio::async_initiate<const decltype(use_coroutine)&, void()>(
        [&complete](auto handler) {
          auto kept = std::make_shared<decltype(handler)>(std::move(handler));
          complete = [kept] {
            auto ex = asio::get_associated_executor(*kept);
            asio::post(ex, [kept] { std::move (*kept)(); });
          };
        },
        use_coroutine);
    co_await std::move(op);
  });
  w.clock.settle();
  coppice::kill(p);
  w.clock.advance(2h);
  CHECK(p.alive());
  complete();
  complete = nullptr;
  w.clock.settle();
  CHECK_FALSE(p.alive());
}

TEST_CASE("a task that is awaited with the longest limit may take its time") {
  CHECK_FALSE(ends([]() -> coroutine<> {
    auto never = coppice::async([]() -> coroutine<int> {
      co_await coppice::sleep_for(24h);
      co_return 1;
    });
    auto waiting = never.await(for_ever);
    co_await std::move(waiting);
  }));
}

TEST_CASE("virtual time moves on by the longest time, and for ever never comes") {
  world w;
  const ending a{coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(1000h); })};
  const ending b{
      coppice::spawn(w.io, []() -> coroutine<> { co_await coppice::sleep_for(for_ever); })};
  w.clock.advance(duration::min());
  CHECK(a.text() == "not yet");
  w.clock.advance(for_ever);
  CHECK(a.text() == "normal");
  CHECK(b.text() == "not yet");
  CHECK_FALSE(w.clock.jump());
}
