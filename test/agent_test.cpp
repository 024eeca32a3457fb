#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <coppice/agent.hpp>

#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using coppice::agent_ref;
using coppice::errc;

namespace {

using stock = std::map<std::string, int>;

stock some() { return {{"apples", 3}}; }

// Runs a body as a process, until nothing happens any more.
template <class F>
coppice::pid play(world& w, F body) {
  const coppice::pid p = coppice::spawn(w.io, std::move(body));
  w.clock.settle();
  return p;
}

}  // namespace

// AGENT-01, AGENT-02
TEST_CASE("an agent holds a state on which functions are run one at a time") {
  world w;
  const auto shop = coppice::start_agent<stock>(w.io, "shop", some);
  std::vector<int> seen;
  play(w, [&]() -> coroutine<> {
    auto looking = shop.get([](const stock& s) { return s.at("apples"); });
    seen.push_back(co_await looking.result());
    auto changing = shop.update([](stock& s) { s["pears"] = 5; });
    co_await changing.result();
    auto replacing = shop.update([](stock s) {
      s["plums"] = 7;
      return s;
    });
    co_await replacing.result();
    auto taking = shop.get_and_update([](stock& s) { return std::exchange(s["apples"], 0); });
    seen.push_back(co_await taking.result());
    shop.cast([](stock& s) { s["apples"] += 1; });
    auto counting = shop.get([](const stock& s) {
      int sum = 0;
      for (const auto& [what, count] : s) sum += count;
      return sum;
    });
    seen.push_back(co_await counting.result());
  });
  CHECK(seen == std::vector<int>{3, 3, 13});
}

// AGENT-01
TEST_CASE("an agent whose state cannot be made does not start") {
  world w;
  const auto sup = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  w.clock.settle();
  auto starting = sup.start_child(
      coppice::agent<stock>("", []() -> stock { throw std::runtime_error{"no stock"}; }));
  w.clock.settle();
  CHECK(starting.failure().to_string() == "std::runtime_error: no stock");
}

// AGENT-03
TEST_CASE("who asks an agent that is gone is told so") {
  world w;
  const auto shop = coppice::start_agent<stock>(w.io, "shop", some);
  boost::system::error_code why;
  w.clock.settle();
  coppice::kill(shop.whereis());
  w.clock.settle();
  play(w, [&]() -> coroutine<> {
    auto looking = shop.get([](const stock& s) { return s.size(); });
    try {
      co_await looking.result();
    } catch (const boost::system::system_error& e) {
      why = e.code();
    }
  });
  CHECK(why == errc::noproc);
}

// AGENT-04
TEST_CASE("a stopped agent leaves its name") {
  world w;
  const auto shop = coppice::start_agent<stock>(w.io, "shop", some);
  w.clock.settle();
  CHECK(coppice::whereis(w.io, "shop") == shop.whereis());
  bool stopped = false;
  play(w, [&]() -> coroutine<> {
    co_await shop.stop();
    stopped = !coppice::whereis("shop");
  });
  CHECK(stopped);
}

// AGENT-05
TEST_CASE("a linked agent ends with its starter, another does not") {
  world w;
  const auto alone = coppice::start_agent<stock>(w.io, "alone", some);
  const coppice::pid starter = play(w, []() -> coroutine<> {
    coppice::start_agent_link<stock>("linked", some);
    co_await coppice::sleep_for(1h);
  });
  CHECK(coppice::whereis(w.io, "linked").alive());
  coppice::kill(starter);
  w.clock.settle();
  CHECK_FALSE(coppice::whereis(w.io, "linked"));
  CHECK(alone.whereis().alive());
}

// AGENT-06
TEST_CASE("a function that throws ends the agent and fails the call") {
  world w;
  const auto shop = coppice::start_agent<stock>(w.io, "shop", some);
  w.clock.settle();
  const ending end{shop.whereis()};
  std::string heard;
  play(w, [&]() -> coroutine<> {
    auto looking = shop.get([](const stock& s) { return s.at("pears"); });
    try {
      co_await looking.result();
    } catch (const boost::system::system_error& e) {
      heard = e.code() == errc::died ? looking.failure().to_string() : "something else";
    }
  });
  CHECK(heard == "std::out_of_range: map::at");
  CHECK(end.text() == heard);
}

// AGENT-07
TEST_CASE("a supervised agent starts again with its first state") {
  world w;
  coppice::start_supervisor(
      w.io, {.strategy = coppice::one_for_one, .children = {coppice::agent<stock>("shop", some)}});
  w.clock.settle();
  const agent_ref<stock> shop{w.io, "shop"};
  std::size_t size = 0;
  play(w, [&]() -> coroutine<> {
    shop.cast([](stock& s) { s["pears"] = 1; });
    shop.cast([](stock& s) { s.at("plums") = 1; });
    co_await coppice::sleep_for(1s);
    auto counting = shop.get([](const stock& s) { return s.size(); });
    size = co_await counting.result();
  });
  w.clock.advance(1s);
  CHECK(size == 1);
}
