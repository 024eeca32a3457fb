#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::rest_for_one;
using coppice::simple_one_for_one;
using coppice::supervisor_spec;

namespace {

// The restart of a fails so often that its supervisor never gets tired of it, while others want
// something of the supervisor between the tries.
struct endless : scene {
  explicit endless(coppice::strategy how = one_for_one) {
    (*this)["a"] = {.starts = {start_as::up}, .then = start_as::fails};
    coppice::set_report_sink(io, {});
    supervisor = supervise(supervisor_spec{.strategy = how,
                                           .intensity = 1'000'000,
                                           .period = 1h,
                                           .children = {child("z"), child("a"), child("b")}});
    crashes("a");
    run_on();
  }

  // Settling would never end.
  void run_on() {
    const int before = starts_of("a");
    for (int i = 0; i < 10'000 && starts_of("a") < before + 100; ++i) {
      io.restart();
      io.poll_one();
    }
  }
  template <class Operation>
  answer ask_meanwhile(Operation operation) {
    const auto a = begin(std::move(operation));
    for (int i = 0; i < 100 && !a->there; ++i) {
      io.restart();
      io.poll_one();
    }
    CHECK(a->there);
    return *a;
  }

  coppice::supervisor_ref supervisor;

};

}  // namespace

// RR-01
TEST_CASE("a failing restart does not end the supervisor but is tried again") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::throws, start_as::ends, start_as::up};
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .intensity = 4, .period = 5s, .children = {s.child("a")}});
  s.crashes("a");
  CHECK(s.log() == "+a -a !a !a !a +a");
  CHECK(sup.alive());
}

// RR-03, INT-07
TEST_CASE(
    "every try counts: with intensity N there are N tries, and then the supervisor gives up") {
  for (const auto how : {one_for_one, one_for_all, rest_for_one}) {
    for (const std::size_t n : {1U, 2U, 4U}) {
      scene s;
      s["a"] = {.starts = {start_as::up}, .then = start_as::fails};
      const auto sup = s.supervise(supervisor_spec{
          .strategy = how, .intensity = n, .period = 5s, .children = {s.child("a")}});
      const auto end = end_of(sup.get_pid());
      s.crashes("a");
      s.clock.settle();
      CHECK(s.starts_of("a") == 1 + static_cast<int>(n));
      CHECK(end->reason == exit_reason::shutdown());
    }
  }
}

// RR-03
TEST_CASE("every try counts for a simple_one_for_one child too") {
  scene s;
  s["a"] = {.starts = {start_as::up}, .then = start_as::fails};
  const auto sup = s.supervise(supervisor_spec{
      .strategy = simple_one_for_one, .intensity = 2, .period = 5s, .children = {s.cast()}});
  s.start(sup, "a");
  s.crashes("a");
  CHECK(s.log() == "+a -a !a !a");
  CHECK_FALSE(sup.alive());
}

// RR-02, RR-16
TEST_CASE("the crash of another child is handled between two tries") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::fails, start_as::up};
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .intensity = 4,
                              .period = 5s,
                              .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  s.crashes("b");
  CHECK(s.log() == "+a +b -a -b !a +b !a +a");
}

// RR-04
TEST_CASE("under one_for_one a failing restart affects no other child") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  CHECK(s.log() == "+a +b -a !a +a");
}

// RR-05, RR-07
TEST_CASE("under rest_for_one the retry resumes at the child that failed") {
  scene s;
  s["b"].starts = {start_as::up, start_as::fails, start_as::up};
  s.supervise(supervisor_spec{.strategy = rest_for_one,
                              .children = {s.child("a"), s.child("b"), s.child("c")}});
  s.crashes("a");
  CHECK(s.log() == "+a +b +c -a -c -b +a !b +b +c");
}

// RR-06, RR-07
TEST_CASE("under one_for_all the retry stops those that were up again and starts all") {
  scene s;
  s["b"].starts = {start_as::up, start_as::fails, start_as::up};
  s.supervise(supervisor_spec{.strategy = one_for_all,
                              .children = {s.child("a"), s.child("b"), s.child("c")}});
  s.crashes("c");
  CHECK(s.log() == "+a +b +c -c -b -a +a !b -a +a +b +c");
}

// RR-02, RR-07, RR-08, RR-12, RR-14
TEST_CASE("a supervisor answers while a child restarts forever") {
  endless s;
  CHECK(s.ask_meanwhile(s.supervisor.delete_child("a")).error == errc::restarting);
  CHECK(s.ask_meanwhile(s.supervisor.restart_child("a")).error == errc::restarting);
  auto adding = s.supervisor.start_child(s.child("a"));
  CHECK(s.ask_meanwhile(adding.ready()).error == errc::already_present);
  const answer a = s.ask_meanwhile(s.supervisor.which_children());
  REQUIRE(a.listing.size() == 3);
  CHECK(a.listing[1].id == "a");
  CHECK(a.listing[1].restarting);
  CHECK_FALSE(a.listing[1].process);
  const answer counts = s.ask_meanwhile(s.supervisor.count_children());
  CHECK(counts.counts.specs == 3);
  CHECK(counts.counts.active == 2);
  CHECK(counts.counts.workers == 3);
}

// RR-07
TEST_CASE("children behind the failing one are listed as stopped") {
  endless s{rest_for_one};
  const answer a = s.ask_meanwhile(s.supervisor.which_children());
  REQUIRE(a.listing.size() == 3);
  CHECK(a.listing[0].process.alive());
  CHECK(a.listing[1].restarting);
  CHECK_FALSE(a.listing[2].restarting);
  CHECK_FALSE(a.listing[2].process);
}

// RR-09, RR-10, RR-11
TEST_CASE("terminating a restarting child ends the retries, and no sibling is caught up on") {
  for (const auto how : {one_for_one, rest_for_one, one_for_all}) {
    endless s{how};
    CHECK_FALSE(s.ask_meanwhile(s.supervisor.terminate_child("a")).error);
    const int tries = s.starts_of("a");
    s.clock.settle();
    CHECK(s.starts_of("a") == tries);
    CHECK(s.children_of(s.supervisor) ==
          (how == one_for_one ? "z a(none) b" : "z a(none) b(none)"));
    CHECK_FALSE(s.ask(s.supervisor.delete_child("a")).error);
  }
}

// RR-12, RR-18
TEST_CASE("a supervisor in an endless retry loop can be stopped at once") {
  for (const auto how : {one_for_one, rest_for_one, one_for_all}) {
    endless s{how};
    CHECK_FALSE(s.ask_meanwhile(s.supervisor.stop()).error);
    CHECK_FALSE(s.supervisor.alive());
    CHECK(coppice::processes(s.io).empty());
  }
}

// RR-12
TEST_CASE("the parent of a supervisor in an endless retry loop can be stopped at once") {
  scene s;
  s["a"] = {.starts = {start_as::up}, .then = start_as::fails};
  coppice::set_report_sink(s.io, {});
  const auto top =
      s.supervise(supervisor_spec{.strategy = one_for_one,
                                  .children = {coppice::supervisor({.name = "inner",
                                                                    .strategy = one_for_one,
                                                                    .intensity = 1'000'000,
                                                                    .period = 1h,
                                                                    .children = {s.child("a")}})}});
  s.crashes("a");
  while (s.starts_of("a") < 100) {
    s.io.restart();
    s.io.poll_one();
  }
  const auto stopped = begin(top.stop());
  s.clock.settle();
  CHECK(stopped->there);
  CHECK(s.starts_of("a") < 10'000);
}

// RR-09, RR-12, RR-13
TEST_CASE(
    "a dynamic child that restarts forever is terminated by its old pid, or with its supervisor") {
  for (const bool terminated : {true, false}) {
    scene s;
    s["a"] = {.starts = {start_as::up}, .then = start_as::fails};
    coppice::set_report_sink(s.io, {});
    const auto sup =
        s.supervise(coppice::dynamic_supervisor_spec{.intensity = 1'000'000, .period = 1h});
    s.start(sup, s.child("a"));
    const coppice::pid old = s.pid_of("a");
    s.crashes("a");
    while (s.starts_of("a") < 100) {
      s.io.restart();
      s.io.poll_one();
    }
    const auto done = terminated ? begin(sup.terminate_child(old)) : begin(sup.stop());
    s.clock.settle();
    CHECK(done->there);
    CHECK_FALSE(done->error);
    CHECK(s.starts_of("a") < 10'000);
    CHECK(sup.alive() == terminated);
  }
}

// RR-13
TEST_CASE("a restarting dynamic child is known by its old pid") {
  scene s;
  s["a"] = {.starts = {start_as::up, start_as::fails}, .then = start_as::hangs};
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  s.start(sup, s.child("a").with_start_limit(5s));
  const coppice::pid old = s.pid_of("a");
  s.crashes("a");
  CHECK(s.log() == "+a -a !a ~a");
  // Made while the second try hangs; comes to its turn when that has failed, before the third.
  const auto terminated = begin(sup.terminate_child(old));
  const auto listed = begin(sup.which_children());
  s.clock.advance(5s);
  CHECK(terminated->there);
  CHECK_FALSE(terminated->error);
  CHECK(listed->listing.empty());
  CHECK(s.log() == "-a");
  CHECK(sup.alive());
}

// RR-17
TEST_CASE("a successful try does not clear the count; only time does") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .intensity = 2, .period = 5s, .children = {s.child("a")}});
  s.crashes("a");
  CHECK(s.log() == "+a -a !a +a");
  s.clock.advance(5s);
  s.crashes("a");
  CHECK(s.log() == "-a");
  CHECK_FALSE(sup.alive());
}

// RR-17
TEST_CASE("tries that are older than the period are forgotten") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  s.supervise(supervisor_spec{
      .strategy = one_for_one, .intensity = 2, .period = 5s, .children = {s.child("a")}});
  s.crashes("a");
  s.clock.advance(5001ms);
  s.crashes("a");
  CHECK(s.log() == "+a -a !a +a -a +a");
}

// RR-19
TEST_CASE("each failed try is reported, of the child that failed") {
  scene s;
  s["b"].starts = {start_as::up, start_as::fails, start_as::fails};
  s.supervise(supervisor_spec{.name = "top",
                              .strategy = one_for_all,
                              .intensity = 3,
                              .period = 5s,
                              .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  s.clock.settle();
  CHECK(std::ranges::count_if(s.reports, [](const std::string& r) {
          return r.find("failed to start") != std::string::npos && r.starts_with("top: b ");
        }) == 2);
}
