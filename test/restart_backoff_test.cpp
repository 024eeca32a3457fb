#include "support/middle_child.hpp"
#include "support/refusal.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

// BEY-01: pauses before restarts.

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::rest_for_one;
using coppice::restart_backoff;
using coppice::supervisor_spec;

namespace {

// 1 s, 2 s, 4 s, 4 s ...
const restart_backoff doubling{.min = 1s, .max = 4s, .jitter = 0};

struct pausing : middle_child {
  explicit pausing(coppice::strategy how = one_for_one, restart_backoff b = doubling)
      : middle_child{how,
                     [&](coppice::child_spec c) { return std::move(c).with_backoff(b); }} {}
};

std::string refusal_of(const restart_backoff& b) {
  return refusal(
      coppice::worker("a", []() -> asio::awaitable<void> { co_return; }).with_backoff(b));
}

}  // namespace

TEST_CASE("a child with a backoff is restarted after pauses that grow up to the longest") {
  pausing s;
  for (const auto pause : {1s, 2s, 4s, 4s, 4s}) {
    CAPTURE(pause.count());
    s.crashes("b");
    CHECK(s.log() == "-b");
    s.clock.advance(pause - 1ns);
    CHECK(s.log().empty());
    s.clock.advance(1ns);
    CHECK(s.log() == "+b");
  }
  // The budget of 0 restarts is untouched, and the siblings have noticed nothing.
  CHECK(s.starts_of("a") == 1);
  CHECK(s.starts_of("c") == 1);
  CHECK(times_told(s.reports, "restarting in 1 s") == 1);
  CHECK(times_told(s.reports, "restarting in 4 s") == 3);
}

TEST_CASE("a run of some length sets the pauses back") {
  restart_backoff b = doubling;
  SUBCASE("that of the longest pause") {}
  SUBCASE("or what is given") { b.reset_after = 10s; }
  const auto enough = b.reset_after.value_or(b.max);
  pausing s{one_for_one, b};
  s.crashes("b");
  s.clock.advance(1s);
  CHECK(s.log() == "-b +b");
  s.clock.advance(enough - 1ns);
  s.crashes("b");
  s.clock.advance(2s - 1ns);
  CHECK(s.log() == "-b");
  s.clock.advance(1ns);
  CHECK(s.log() == "+b");
  s.clock.advance(enough);
  s.crashes("b");
  s.clock.advance(1s);
  CHECK(s.log() == "-b +b");
}

TEST_CASE("a start that fails is followed by a longer pause") {
  scene s;
  s["b"].starts = {start_as::up, start_as::fails, start_as::throws, start_as::up};
  s.supervise(supervisor_spec{
      .strategy = one_for_one, .intensity = 0, .children = {s.child("b").with_backoff(doubling)}});
  CHECK(s.log() == "+b");
  s.crashes("b");
  s.clock.advance(1s);
  CHECK(s.log() == "-b !b");
  s.clock.advance(2s - 1ns);
  CHECK(s.log().empty());
  s.clock.advance(1ns);
  CHECK(s.log() == "!b");
  s.clock.advance(4s);
  CHECK(s.log() == "+b");
  CHECK(times_told(s.reports, "restarting in 4 s") == 1);
}

TEST_CASE("a first start that fails is not tried again, backoff or not") {
  scene s;
  s["b"].starts = {start_as::fails, start_as::up};
  const auto sup = coppice::start_supervisor(
      s.io, supervisor_spec{.strategy = one_for_one,
                            .children = {s.child("a"), s.child("b").with_backoff(doubling)}});
  const auto up = begin(sup.ready());
  CHECK(s.log() == "+a !b -a");
  CHECK(up->error == errc::start_failed);
  s.clock.advance(1h);
  CHECK(s.log().empty());
}

TEST_CASE("with `counts` the restarts spend the budget, and the last one is not waited for") {
  scene s;
  restart_backoff b = doubling;
  b.counts = true;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                               .intensity = 2,
                                               .period = 1h,
                                               .children = {s.child("b").with_backoff(b)}});
  const auto end = end_of(sup.get_pid());
  for (const auto pause : {1s, 2s}) {
    s.crashes("b");
    s.clock.advance(pause);
  }
  CHECK(s.log() == "+b -b +b -b +b");
  CHECK_FALSE(end->there);
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK(end->there);
  CHECK(end->reason.to_string() == "shutdown");
}

TEST_CASE("who waits for a pause shows as restarting") {
  pausing s;
  s.crashes("b");
  CHECK(s.log() == "-b");
  const auto listed = s.ask(s.supervisor.which_children()).listing;
  for (const coppice::child_entry& c : listed) {
    CAPTURE(c.id);
    CHECK(c.restarting == (c.id == "b"));
    CHECK(c.process.alive() == (c.id != "b"));
  }
  CHECK(s.ask(s.supervisor.count_children()).counts.active == 2);
}

TEST_CASE("a pause can be ended: the child stays down, is forgotten, or starts now") {
  pausing s;
  s.crashes("b");
  CHECK(s.log() == "-b");
  SUBCASE("terminate_child") {
    CHECK_FALSE(s.ask(s.supervisor.terminate_child("b")).error);
    s.clock.advance(1h);
    CHECK(s.log().empty());
    CHECK_FALSE(s.ask(s.supervisor.restart_child("b")).error);
    CHECK(s.log() == "+b");
  }
  SUBCASE("delete_child") {
    CHECK_FALSE(s.ask(s.supervisor.delete_child("b")).error);
    s.clock.advance(1h);
    CHECK(s.log().empty());
    CHECK(s.ask(s.supervisor.which_children()).listing.size() == 2);
  }
  SUBCASE("restart_child") {
    const answer a = s.ask(s.supervisor.restart_child("b"));
    CHECK_FALSE(a.error);
    CHECK(a.started.process.alive());
    CHECK(s.log() == "+b");
    s.clock.advance(1h);
    CHECK(s.log().empty());
    CHECK(s.starts_of("b") == 2);
  }
  SUBCASE("the stop of the supervisor") {
    const auto stopped = begin(s.supervisor.stop());
    CHECK(s.log() == "-c -a");
    CHECK(stopped->there);
    CHECK_FALSE(stopped->error);
    s.clock.advance(1h);
    CHECK(s.log().empty());
  }
}

TEST_CASE("siblings that restart with the child stop at once, and start when the pause is over") {
  SUBCASE("one_for_all") {
    pausing s{one_for_all};
    s.crashes("b");
    CHECK(s.log() == "-b -c -a");
    s.clock.advance(1s - 1ns);
    CHECK(s.log().empty());
    s.clock.advance(1ns);
    CHECK(s.log() == "+a +b +c");
  }
  SUBCASE("rest_for_one") {
    pausing s{rest_for_one};
    s.crashes("b");
    CHECK(s.log() == "-b -c");
    s.clock.advance(1s);
    CHECK(s.log() == "+b +c");
  }
  SUBCASE("restart_child starts all of them now") {
    pausing s{one_for_all};
    s.crashes("b");
    CHECK(s.log() == "-b -c -a");
    const answer a = s.ask(s.supervisor.restart_child("b"));
    CHECK_FALSE(a.error);
    CHECK(a.started.process == s.pid_of("b"));
    CHECK(s.log() == "+a +b +c");
    s.clock.advance(1h);
    CHECK(s.log().empty());
  }
  SUBCASE("one that was started in between is stopped, and starts with the others") {
    pausing s{one_for_all};
    s.crashes("b");
    CHECK(s.log() == "-b -c -a");
    CHECK_FALSE(s.ask(s.supervisor.restart_child("a")).error);
    CHECK(s.log() == "+a");
    s.clock.advance(1s);
    CHECK(s.log() == "-a +a +b +c");
  }
}

TEST_CASE("children of a dynamic supervisor have pauses of their own") {
  scene s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{.intensity = 0});
  for (const char* name : {"a", "b"}) s.start(sup, s.child(name).with_backoff(doubling));
  CHECK(s.log() == "+a +b");
  s.crashes("a");
  CHECK(s.log() == "-a");
  s.clock.advance(500ms);
  s.crashes("b");
  CHECK(s.log() == "-b");
  s.clock.advance(500ms);
  CHECK(s.log() == "+a");
  s.clock.advance(500ms);
  CHECK(s.log() == "+b");
  CHECK(s.ask(sup.count_children()).counts.active == 2);
}

TEST_CASE("a seed makes the same pauses again, and others for other children") {
  const auto pauses_of = [](const std::string& id, std::uint64_t seed) {
    std::vector<std::chrono::nanoseconds> pauses;
    scene s;
    coppice::set_report_sink(s.io, [&](const coppice::report& r) {
      if (const auto* e = std::get_if<coppice::child_ended>(&r)) pauses.push_back(e->pause);
    });
    s.supervise(supervisor_spec{.strategy = one_for_one,
                                .children = {s.child(id).with_backoff(
                                    {.min = 1s, .max = 100s, .jitter = 0.5, .seed = seed})}});
    for (int i = 0; i < 20; ++i) {
      s.crashes(id);
      s.clock.advance(100s);
    }
    return pauses;
  };
  const auto pauses = pauses_of("a", 1);
  REQUIRE(pauses.size() == 20);
  CHECK(pauses == pauses_of("a", 1));
  CHECK(pauses != pauses_of("b", 1));
  CHECK(pauses != pauses_of("a", 2));
  auto base = std::chrono::duration<double>{1s};
  std::set<std::chrono::nanoseconds> different;
  for (const auto pause : pauses) {
    CHECK(pause >= base * 0.499);
    CHECK(pause <= std::min<std::chrono::duration<double>>(base * 1.501, 100s));
    base = std::min<std::chrono::duration<double>>(base * 2, 100s);
    different.insert(pause);
  }
  CHECK(different.size() > 10);
}

TEST_CASE("a backoff that breaks a rule is refused where it is given") {
  using limits = std::numeric_limits<double>;
  CHECK(refusal_of({}).empty());
  CHECK(refusal_of({.min = 1s, .max = 1s, .factor = 1, .jitter = 1}).empty());
  CHECK(refusal_of({.min = 0s}) == "coppice: child \"a\": the min of its backoff must be above zero");
  CHECK(refusal_of({.min = 2s, .max = 1s}) ==
        "coppice: child \"a\": the max of its backoff must not be below min");
  for (const double factor : {0.5, -1.0, limits::quiet_NaN()}) {
    CHECK(refusal_of({.factor = factor}) ==
          "coppice: child \"a\": the factor of its backoff must be at least 1");
  }
  for (const double jitter : {-0.1, 1.1, limits::quiet_NaN()}) {
    CHECK(refusal_of({.jitter = jitter}) ==
          "coppice: child \"a\": the jitter of its backoff must be from 0 to 1");
  }
  CHECK(refusal_of({.reset_after = 0s}) ==
        "coppice: child \"a\": the reset_after of its backoff must be above zero");
}

TEST_CASE("a factor beyond measure leads to the longest pause") {
  pausing s{one_for_one,
            {.min = 1s,
             .max = std::chrono::steady_clock::duration::max(),
             .factor = std::numeric_limits<double>::infinity(),
             .jitter = 0}};
  s.crashes("b");
  s.clock.advance(1s);
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  s.clock.advance(1000h);
  CHECK(s.log() == "-b");
  CHECK_FALSE(s.ask(s.supervisor.restart_child("b")).error);
  CHECK(s.log() == "+b");
}
