#include "support/middle_child.hpp"
#include "support/refusal.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

// BEY-02: a budget of a child's own, and what becomes of a child that has spent it.

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::rest_for_one;
using coppice::restart_limit;
using coppice::supervisor_spec;

namespace {

constexpr restart_limit parks{
    .intensity = 1, .period = 10s, .then = coppice::park, .probe_after = 1min};

struct limited : middle_child {
  explicit limited(restart_limit l, coppice::strategy how = one_for_one)
      : middle_child{how, [&](coppice::child_spec c) {
                       return std::move(c).with_restart_limit(l);
                     }} {}

  bool has_told(const char* text) const { return times_told(reports, text) > 0; }
  coppice::child_entry b() { return ask(supervisor.which_child("b")).entry; }
  std::size_t parked() { return ask(supervisor.count_children()).counts.parked; }
};

std::string refusal_of(const restart_limit& l) {
  return refusal(coppice::worker("a", []() -> asio::awaitable<void> { co_return; })
                     .with_restart_limit(l));
}

}  // namespace

TEST_CASE("a child with a limit of its own spends nothing of its supervisor's budget") {
  limited s{{.intensity = 3, .period = 1s}};
  for (int i = 0; i < 3; ++i) {
    s.crashes("b");
    CHECK(s.log() == "-b +b");
  }
  s.clock.advance(1s + 1ns);
  s.crashes("b");
  CHECK(s.log() == "-b +b");
}

TEST_CASE("with `counts` it spends both, and the one that is spent first decides") {
  limited s{{.intensity = 3, .counts = true}};
  const auto end = end_of(s.supervisor.get_pid());
  s.crashes("b");
  CHECK(s.log() == "-b -c -a");
  CHECK(end->there);
}

TEST_CASE("a child that has spent its limit escalates, as the budget of its supervisor does") {
  limited s{{.intensity = 1, .period = 10s, .then = coppice::escalate}};
  const auto end = end_of(s.supervisor.get_pid());
  s.crashes("b");
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  CHECK(s.log() == "-b -c -a");
  REQUIRE(end->there);
  CHECK(end->reason.to_string() == "shutdown");
  CHECK(s.has_told("more than 1 restart in 10 s"));
}

TEST_CASE("a child that has spent its limit is dropped, and the others carry on") {
  coppice::strategy how = one_for_one;
  SUBCASE("one_for_one") {}
  SUBCASE("rest_for_one: none of them is stopped") { how = rest_for_one; }
  limited s{{.intensity = 0, .then = coppice::drop}, how};
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK(s.has_told("leaving it down"));
  s.clock.advance(1h);
  CHECK(s.log().empty());
  CHECK(s.children_of(s.supervisor) == "a b(none) c");
  // It is down as one that was terminated.
  CHECK_FALSE(s.ask(s.supervisor.restart_child("b")).error);
  CHECK(s.log() == "+b");
}

TEST_CASE("a dynamic child that is dropped is forgotten") {
  scene s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{.intensity = 0});
  s.start(sup, s.child("a").with_restart_limit({.intensity = 1, .then = coppice::drop}));
  for (const char* expected : {"+a -a +a", "-a"}) {
    s.crashes("a");
    CHECK(s.log() == expected);
  }
  CHECK(s.ask(sup.count_children()).counts.specs == 0);
}

TEST_CASE("the drop of a significant child may shut its supervisor down") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .auto_shutdown = coppice::auto_shutdown::any_significant,
      .children = {s.child("a"), s.child("b")
                                     .with_restart(coppice::transient)
                                     .with_significant()
                                     .with_restart_limit({.intensity = 1, .then = coppice::drop})}});
  const auto end = end_of(sup.get_pid());
  s["b"].starts = {start_as::up, start_as::up};
  SUBCASE("when it ends") {
    s.crashes("b");
    CHECK(s.log() == "+a +b -b +b");
    CHECK_FALSE(end->there);
    s.crashes("b");
    CHECK(s.log() == "-b -a");
  }
  SUBCASE("when it cannot be started again") {
    s["b"].then = start_as::fails;
    s["b"].starts = {start_as::fails};
    s.crashes("b");
    CHECK(s.log() == "+a +b -b !b -a");
  }
  CHECK(end->there);
}

TEST_CASE("a parked child stays down, is tried again, and recovers when it runs for long enough") {
  limited s{parks};
  s.crashes("b");
  s.crashes("b");
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK(s.has_told("parking it for 60 s"));
  CHECK(s.b().restarting);
  CHECK(s.b().parked);
  CHECK(s.parked() == 1);
  s.clock.advance(1min - 1ns);
  CHECK(s.log().empty());
  s.clock.advance(1ns);
  CHECK(s.log() == "+b");
  CHECK(s.parked() == 0);
  s.clock.advance(10s - 1ns);
  CHECK_FALSE(s.has_told("recovered"));
  s.clock.advance(1ns);
  CHECK(s.has_told("has recovered"));
  // Its limit is unspent.
  s.crashes("b");
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK(s.parked() == 1);
}

TEST_CASE("a probe that fails parks the child again") {
  limited s{parks};
  s.crashes("b");
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  CHECK(s.log() == "-b");
  SUBCASE("by its end, before it has recovered") {
    s.clock.advance(1min);
    CHECK(s.log() == "+b");
    s.clock.advance(10s - 1ns);
    s.crashes("b");
    CHECK(s.log() == "-b");
  }
  SUBCASE("by its start") {
    s["b"].starts = {start_as::fails};
    s.clock.advance(1min);
    CHECK(s.log() == "!b");
  }
  CHECK(s.parked() == 1);
  s.clock.advance(1min - 1ns);
  CHECK(s.log().empty());
  s.clock.advance(1ns);
  CHECK(s.log() == "+b");
  s.clock.advance(1h);
  CHECK(s.has_told("has recovered"));
}

TEST_CASE("a parked child is started, given up or forgotten on demand") {
  limited s{{.intensity = 0, .then = coppice::park, .probe_after = coppice::infinity}};
  s.crashes("b");
  CHECK(s.log() == "-b");
  s.clock.advance(1000h);
  CHECK(s.log().empty());
  CHECK(s.parked() == 1);
  SUBCASE("restart_child") {
    CHECK_FALSE(s.ask(s.supervisor.restart_child("b")).error);
    CHECK(s.log() == "+b");
  }
  SUBCASE("terminate_child") {
    CHECK_FALSE(s.ask(s.supervisor.terminate_child("b")).error);
    CHECK(s.children_of(s.supervisor) == "a b(none) c");
  }
  SUBCASE("delete_child") {
    CHECK_FALSE(s.ask(s.supervisor.delete_child("b")).error);
    CHECK(s.children_of(s.supervisor) == "a c");
  }
  SUBCASE("the stop of the supervisor") {
    CHECK_FALSE(s.ask(s.supervisor.stop()).error);
    CHECK(s.log() == "-c -a");
    return;
  }
  CHECK(s.parked() == 0);
}

TEST_CASE("a child that somebody restarts has its whole limit again, and no probation") {
  limited s{parks};
  s.crashes("b");
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK_FALSE(s.ask(s.supervisor.restart_child("b")).error);
  CHECK(s.log() == "+b");
  s.crashes("b");
  CHECK(s.log() == "-b +b");
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK(s.parked() == 1);
}

TEST_CASE("siblings that restart with a parked child wait with it") {
  SUBCASE("one_for_all") {
    limited s{parks, one_for_all};
    s.crashes("b");
    CHECK(s.log() == "-b -c -a +a +b +c");
    s.crashes("b");
    CHECK(s.log() == "-b -c -a");
    s.clock.advance(1min);
    CHECK(s.log() == "+a +b +c");
  }
  SUBCASE("rest_for_one") {
    limited s{parks, rest_for_one};
    s.crashes("b");
    CHECK(s.log() == "-b -c +b +c");
    s.crashes("b");
    CHECK(s.log() == "-b -c");
    s.clock.advance(1min);
    CHECK(s.log() == "+b +c");
  }
}

TEST_CASE("those behind a child that is dropped at its start are started without it") {
  limited s{{.intensity = 1, .then = coppice::drop}, rest_for_one};
  s["b"].then = start_as::fails;
  s.crashes("b");
  CHECK(s.log() == "-b -c !b +c");
  CHECK(s.children_of(s.supervisor) == "a b(none) c");
}

TEST_CASE("a limit goes along with pauses") {
  scene s;
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .intensity = 0,
      .children = {s.child("b")
                       .with_backoff({.min = 1s, .max = 1s, .jitter = 0})
                       .with_restart_limit({.intensity = 2, .period = 1min, .probe_after = 1h})}});
  CHECK(s.log() == "+b");
  for (int i = 0; i < 2; ++i) {
    s.crashes("b");
    s.clock.advance(1s);
    CHECK(s.log() == "-b +b");
  }
  s.crashes("b");
  s.clock.advance(1h - 1ns);
  CHECK(s.log() == "-b");
  s.clock.advance(1ns);
  CHECK(s.log() == "+b");
}

TEST_CASE("starts that fail spend the limit too") {
  limited s{{.intensity = 3, .then = coppice::park, .probe_after = 1h}};
  s["b"].then = start_as::fails;
  s.crashes("b");
  CHECK(s.log() == "-b !b !b !b");
  CHECK(s.parked() == 1);
}

TEST_CASE("a restart limit that breaks a rule is refused where it is given") {
  CHECK(refusal_of({}).empty());
  CHECK(refusal_of({.intensity = 0}).empty());
  CHECK(refusal_of({.period = 0s}) ==
        "coppice: child \"a\": the period of its restart limit must be above zero");
  CHECK(refusal_of({.probe_after = 0s}) ==
        "coppice: child \"a\": the probe_after of its restart limit must be above zero");
  CHECK(refusal_of({.then = static_cast<coppice::when_spent>(3)}) ==
        "coppice: child \"a\": its restart limit neither escalates nor drops nor parks");
}
