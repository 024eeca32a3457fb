#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::supervisor_spec;
using coppice::transient;

namespace {

// How many crashes, one after another, a supervisor survives.
int forgiven(coppice::strategy how, std::size_t intensity) {
  scene s;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = how, .intensity = intensity, .children = {s.child("a")}});
  int crashes = 0;
  while (sup.alive()) {
    s.crashes("a");
    s.clock.settle();
    ++crashes;
  }
  return crashes - 1;
}

}  // namespace

// INT-01, INT-02, INT-08
TEST_CASE("as many restarts as the intensity says are made, and not one more") {
  for (const auto how : {one_for_one, one_for_all, coppice::rest_for_one}) {
    CHECK(forgiven(how, 0) == 0);
    CHECK(forgiven(how, 1) == 1);
    CHECK(forgiven(how, 10) == 10);
  }
}

// INT-02, INT-08
TEST_CASE("with intensity zero the first failure ends the supervisor without a restart") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .intensity = 0, .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  CHECK(s.log() == "+a +b -a -b");
  CHECK_FALSE(sup.alive());
}

// INT-03
TEST_CASE("three restarts in five seconds are forgiven unless something else is said") {
  const auto is_three_in_five = [](const auto& spec) {
    return spec.intensity == 3 && spec.period == 5s;
  };
  CHECK(is_three_in_five(supervisor_spec{.strategy = one_for_one}));
  CHECK(is_three_in_five(coppice::dynamic_supervisor_spec{}));
  CHECK(is_three_in_five(coppice::partition_supervisor_spec{.child = coppice::child_spec{}}));
  CHECK(is_three_in_five(coppice::task_supervisor_spec{}));
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  for (int crashes = 1; crashes <= 4; ++crashes) {
    s.crashes("a");
    s.clock.settle();
    CHECK(sup.alive() == (crashes <= 3));
  }
}

// INT-04
TEST_CASE("the budget is shared by all children of a supervisor") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                               .intensity = 2,
                                               .period = 5s,
                                               .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  s.clock.settle();
  s.crashes("b");
  s.clock.settle();
  CHECK(sup.alive());
  s.crashes("a");
  s.clock.settle();
  CHECK_FALSE(sup.alive());
}

// INT-05, INT-06, INT-12
TEST_CASE("a restart counts until it is older than the period") {
  for (const bool older : {false, true}) {
    scene s;
    const auto sup = s.supervise(supervisor_spec{
        .strategy = one_for_one, .intensity = 1, .period = 5s, .children = {s.child("a")}});
    s.crashes("a");
    s.clock.settle();
    s.clock.advance(older ? 5s + 1ns : std::chrono::nanoseconds{5s});
    s.crashes("a");
    s.clock.settle();
    CHECK(sup.alive() == older);
  }
}

// INT-05
TEST_CASE("the window slides: a steady trickle of restarts goes on for ever") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .intensity = 2, .period = 5s, .children = {s.child("a")}});
  for (int i = 0; i < 100; ++i) {
    s.crashes("a");
    s.clock.advance(2501ms);
  }
  CHECK(sup.alive());
  CHECK(s.starts_of("a") == 101);
}

// INT-07, LOG-09, SHUT-01
TEST_CASE("giving up is reported once, stops the rest in reverse order, and ends with shutdown") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.name = "top",
                                  .strategy = one_for_one,
                                  .intensity = 0,
                                  .period = 5s,
                                  .children = {s.child("a"), s.child("b"), s.child("c")}});
  const auto end = end_of(sup.get_pid());
  std::vector<std::string> exhausted;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::budget_exhausted>(&r)) {
      CHECK(x->child.supervisor_id == sup.get_pid());
      CHECK(x->intensity == 0);
      CHECK(x->period == 5s);
      exhausted.emplace_back(x->child.id);
    }
  });
  s.crashes("b");
  CHECK(s.log() == "+a +b +c -b -c -a");
  CHECK(exhausted == std::vector<std::string>{"b"});
  CHECK(end->reason == exit_reason::shutdown());
}

// INT-09, RT-15
TEST_CASE("giving up escalates level by level, and budgets multiply") {
  scene s;
  const auto top =
      s.supervise(supervisor_spec{.strategy = one_for_one,
                                  .intensity = 3,
                                  .period = 1h,
                                  .children = {coppice::supervisor({.name = "inner",
                                                                    .strategy = one_for_one,
                                                                    .intensity = 4,
                                                                    .period = 1h,
                                                                    .children = {s.child("a")}})}});
  while (top.alive()) {
    s.crashes("a");
    s.clock.settle();
  }
  // INT-13: four lives of inner, each with five of a.
  CHECK(s.starts_of("a") == 4 * 5);
}

// INT-10
TEST_CASE("only automatic restarts count") {
  scene s;
  s["bad"].then = start_as::fails;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one,
                                  .intensity = 0,
                                  .children = {s.child("a"), s.child("b").with_restart(transient),
                                               s.child("c").with_restart(coppice::temporary)}});
  CHECK(s.start(sup, s.child("bad")).error == errc::start_failed);
  s.ask(sup.terminate_child("a"));
  CHECK(s.ask(sup.restart_child("a")).error == errc::start_failed);
  CHECK_FALSE(s.ask(sup.restart_child("a")).error);
  s.returns("b");
  s.crashes("c");
  CHECK(s.children_of(sup) == "a b(none)");
}

// INT-11, SHUT-11
TEST_CASE("what ends while its supervisor stops neither counts nor is restarted") {
  scene s;
  s["c"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one,
                                  .intensity = 0,
                                  .children = {s.child("a"), s.child("b"), s.child("c")}});
  const auto stopped = begin(sup.stop());
  CHECK(s.log() == "+a +b +c *c");
  s.crashes("a");
  coppice::kill(s.pid_of("b"));
  CHECK(s.log() == "-a -b");
  s.clock.advance(1s);
  CHECK(s.log() == "-c");
  CHECK(stopped->there);
  CHECK_FALSE(stopped->error);
}

// INT-08
TEST_CASE("the child that tipped the budget is not started again") {
  scene s;
  s.supervise(supervisor_spec{.strategy = one_for_one, .intensity = 1, .children = {s.child("a")}});
  s.crashes("a");
  s.clock.settle();
  s.crashes("a");
  s.clock.settle();
  CHECK(s.starts_of("a") == 2);
}

// INT-14
TEST_CASE("a budget without a practical limit is no burden") {
  scene s;
  coppice::set_report_sink(s.io, {});
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                               .intensity = static_cast<std::size_t>(-1),
                                               .period = 1s,
                                               .children = {s.child("a")}});
  for (int i = 0; i < 1000; ++i) {
    s.crashes("a");
    s.clock.settle();
  }
  CHECK(sup.alive());
}

// INT-15
TEST_CASE("a sibling that may outlast the window while it stops is warned about") {
  scene s;
  s.supervise(supervisor_spec{
      .name = "top",
      .strategy = one_for_all,
      .intensity = 3,
      .period = 1s,
      .children = {s.child("a").with_shutdown(1s), s.child("b").with_shutdown(2s)}});
  int warnings = 0;
  for (const std::string& r : s.reports) {
    if (r.find("restart window") == std::string::npos) continue;
    ++warnings;
    CHECK(r.find("\"b\"") != std::string::npos);
  }
  CHECK(warnings == 1);
}
