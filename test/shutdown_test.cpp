#include "support/coroutine.hpp"
#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>

using coppice::brutal_kill;
using coppice::infinity;
using coppice::one_for_all;
using coppice::one_for_one;
using coppice::permanent;
using coppice::simple_one_for_one;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

std::size_t count(const std::vector<std::string>& reports, const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      reports, [&](const std::string& r) { return r.find(text) != std::string::npos; }));
}

}  // namespace

// SHUT-01, SHUT-28
TEST_CASE("children are stopped one after another in reverse start order") {
  scene s;
  s["a"] = s["b"] = s["c"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .children = {s.child("a"), s.child("b"), s.child("c")}});
  const auto stopped = begin(sup.stop());
  CHECK(s.log() == "+a +b +c *c");
  s.clock.advance(1s);
  CHECK(s.log() == "-c *b");
  s.clock.advance(1s);
  CHECK(s.log() == "-b *a");
  CHECK_FALSE(stopped->there);
  s.clock.advance(1s);
  CHECK(s.log() == "-a");
  CHECK(stopped->there);
  CHECK(coppice::processes(s.io).empty());
}

// SHUT-02, SHUT-06
TEST_CASE("a child that does not end within its shutdown time is killed") {
  scene s;
  s["a"].stop = stop_as::ignores;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_shutdown(2s)}});
  const auto end = end_of(s.pid_of("a"));
  const auto stopped = begin(sup.stop());
  s.clock.advance(1999ms);
  CHECK(s.log() == "+a *a");
  CHECK_FALSE(end->there);
  s.clock.advance(1ms);
  CHECK(s.log() == "-a");
  CHECK(end->reason.kind() == exit_reason::kind_type::killed);
  CHECK_FALSE(stopped->error);
  CHECK(count(s.reports, "did not stop in time and was killed") == 1);
}

// SHUT-03
TEST_CASE("with unlimited time the supervisor waits for ever, for workers too") {
  scene s;
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 100h};
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_shutdown(infinity)}});
  const auto stopped = begin(sup.stop());
  s.clock.advance(100h - 1s);
  CHECK(sup.alive());
  s.clock.advance(1s);
  CHECK_FALSE(sup.alive());
  CHECK_FALSE(stopped->error);
}

// SHUT-04, SHUT-09
TEST_CASE("brutal kill skips the polite phase") {
  scene s;
  s["a"].stop = stop_as::ignores;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .children = {s.child("a").with_shutdown(brutal_kill)}});
  const auto end = end_of(s.pid_of("a"));
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(s.log() == "+a -a");
  CHECK(end->reason.kind() == exit_reason::kind_type::killed);
  CHECK(count(s.reports, "stopped badly") == 0);
}

// SHUT-05
TEST_CASE("a child that lets the request pass ends at once with shutdown") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto end = end_of(s.pid_of("a"));
  s.ask(sup.stop());
  CHECK(end->reason == exit_reason::shutdown());
}

// SHUT-06
TEST_CASE("a child may use its shutdown time to clean up") {
  scene s;
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 4s};
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto end = end_of(s.pid_of("a"));
  begin(sup.stop());
  s.clock.advance(4s);
  CHECK(end->reason == exit_reason::shutdown());
  CHECK(count(s.reports, "stopped badly") == 0);
}

// SHUT-07, SHUT-08
TEST_CASE("an unexpected end while stopping is reported and the stop goes on") {
  scene s;
  s["a"].stop = stop_as::throws;
  s["b"].stop = s["c"].stop = s["d"].stop = stop_as::returns;
  const auto sup = s.supervise(supervisor_spec{
      .name = "top",
      .strategy = one_for_one,
      .children = {s.child("a"), s.child("b").with_restart(transient),
                   s.child("c").with_restart(temporary), s.child("d").with_restart(permanent)}});
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(s.log() == "+a +b +c +d -d -c -b -a");
  CHECK(count(s.reports, "stopped badly") == 2);
  CHECK(count(s.reports, "stopped badly (std::runtime_error: spilt)") == 1);
  CHECK(count(s.reports, "stopped badly (normal)") == 1);
}

// SHUT-10, SHUT-11
TEST_CASE("a child that died just before it was told to stop is reported with its true reason") {
  scene s;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .intensity = 0, .children = {s.child("a")}});
  coppice::spawn(s.io, [&]() -> coroutine<> {
    s.crashes("a");
    // Its death is heard of behind this.
    co_await sup.stop();
  });
  CHECK(s.log() == "+a -a");
  CHECK(count(s.reports, "std::runtime_error: boom") == 1);
  CHECK(count(s.reports, "noproc") == 0);
}

// SHUT-09, SHUT-10
TEST_CASE("a child that ended by itself just before its brutal kill is judged by how it ended") {
  for (const auto when : {permanent, transient}) {
    scene s;
    const auto sup = s.supervise(
        supervisor_spec{.strategy = one_for_one,
                        .children = {s.child("a").with_restart(when).with_shutdown(brutal_kill)}});
    coppice::spawn(s.io, [&]() -> coroutine<> {
      s.returns("a");
      co_await sup.stop();
    });
    CHECK(s.log() == "+a -a");
    CHECK_FALSE(sup.alive());
    CHECK(count(s.reports, "stopped badly (normal)") == (when == permanent ? 1 : 0));
  }
}

// SHUT-12
TEST_CASE("a child cannot cut the tie to its supervisor") {
  scene s;
  const auto body = []() -> coroutine<> {
    coppice::unlink(coppice::whereis("top"));
    co_await coppice::sleep_for(1h);
  };
  const auto sup = s.supervise(supervisor_spec{
      .name = "top", .strategy = one_for_one, .children = {coppice::worker("a", body)}});
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(coppice::processes(s.io).empty());
}

// SHUT-13, SHUT-24
TEST_CASE("a supervisor that is killed half-way through its stop orphans no child") {
  scene s;
  s["b"].stop = stop_as::ignores;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"), s.child("b").with_shutdown(infinity), s.child("c")}});
  const auto stopped = begin(sup.stop());
  CHECK(s.log() == "+a +b +c -c *b");
  coppice::kill(sup.get_pid());
  CHECK(s.log() == "-a -b");
  CHECK(coppice::processes(s.io).empty());
  CHECK(stopped->error == errc::unexpected_exit);
}

// SHUT-14, SHUT-31
TEST_CASE("a child supervisor takes its subtree along, killed ones too") {
  for (const bool in_time : {true, false}) {
    scene s;
    s["b"] = {.stop = stop_as::cleans_up, .clean_up = 3s};
    const auto top = s.supervise(supervisor_spec{
        .strategy = one_for_one,
        .children = {
            coppice::supervisor({.name = "inner",
                                 .strategy = one_for_one,
                                 .children = {s.child("a"), s.child("b")}})
                .with_shutdown(in_time ? coppice::shutdown{infinity} : coppice::shutdown{1s})}});
    const auto terminated = begin(top.terminate_child("inner"));
    CHECK(s.log() == "+a +b *b");
    s.clock.advance(1s);
    CHECK(terminated->there == !in_time);
    s.clock.advance(2s);
    CHECK(terminated->there);
    CHECK(s.log() == (in_time ? "-b -a" : "-a -b"));
    CHECK(coppice::processes(s.io).size() == 1);
  }
}

// SHUT-15, SHUT-16
TEST_CASE("dynamic children stop side by side, and stragglers are killed together") {
  scene s;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast().with_shutdown(2s)}});
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  s["b"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  s["c"].stop = s["d"].stop = stop_as::ignores;
  for (const char* name : {"a", "b", "c", "d", "e"}) s.start(sup, std::string{name});
  s.log();
  const auto stopped = begin(sup.stop());
  CHECK(s.log() == "*a *b *c *d -e");
  s.clock.advance(1s);
  CHECK(s.log() == "-a -b");
  s.clock.advance(1s);
  CHECK(s.log() == "-c -d");
  CHECK(stopped->there);
  CHECK(count(s.reports, "stopped 5 children in 2 s, 2 killed") == 1);
}

// SHUT-17
TEST_CASE("each child of a dynamic supervisor is stopped by its own shutdown") {
  scene s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  for (const char* name : {"a", "b", "c", "d"}) s[name].stop = stop_as::ignores;
  s["d"] = {.stop = stop_as::cleans_up, .clean_up = 10s};
  s.start(sup, s.child("a").with_shutdown(3s));
  s.start(sup, s.child("b").with_shutdown(1s));
  s.start(sup, s.child("c").with_shutdown(brutal_kill));
  s.start(sup, s.child("d").with_shutdown(infinity));
  s.log();
  const auto stopped = begin(sup.stop());
  // All at once: which of them hears first is left open.
  const std::string first = s.log();
  CHECK(first.size() == std::string{"*a *b -c *d"}.size());
  for (const char* one : {"*a", "*b", "-c", "*d"}) CHECK(first.find(one) != std::string::npos);
  s.clock.advance(1s);
  CHECK(s.log() == "-b");
  s.clock.advance(2s);
  CHECK(s.log() == "-a");
  s.clock.advance(7s);
  CHECK(s.log() == "-d");
  CHECK_FALSE(stopped->error);
}

// SHUT-19
TEST_CASE("dynamic children that stop badly are reported by the way in which they ended") {
  scene s;
  s["a"].stop = s["b"].stop = stop_as::throws;
  s["c"].stop = s["d"].stop = s["e"].stop = stop_as::ignores;
  s["f"].stop = stop_as::returns;
  const auto sup = s.supervise(supervisor_spec{
      .name = "pool", .strategy = simple_one_for_one, .children = {s.cast().with_shutdown(1s)}});
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) s.start(sup, std::string{name});
  const std::string f = s.pid_of("f").to_string();
  const std::string pool = "pool " + sup.get_pid().to_string();
  s.reports.clear();
  begin(sup.stop());
  s.clock.settle();
  CHECK(s.reports.empty());
  s.clock.advance(1s);
  CHECK(s.reports ==
        std::vector<std::string>{
            pool + ": 3 children did not stop in time and were killed (killed)",
            "pool: " + f + " stopped badly (normal)",
            pool + ": 2 children stopped badly (std::runtime_error: spilt)",
            pool + " stopped 7 children in 1 s, 3 killed (normal)"});
}

// SHUT-19
TEST_CASE("a dynamic child that is terminated by call and ends badly is reported at once") {
  scene s;
  s["a"].stop = stop_as::throws;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  s.start(sup, s.child("a"));
  s.ask(sup.terminate_child(s.pid_of("a")));
  CHECK(count(s.reports, "stopped badly (std::runtime_error: spilt)") == 1);
}

// SHUT-18, SHUT-20
TEST_CASE("a dynamic supervisor ends with its own reason, however its children end") {
  for (const bool brutal : {true, false}) {
    scene s;
    const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
    const coppice::shutdown how = brutal ? coppice::shutdown{brutal_kill} : coppice::shutdown{1s};
    s["a"].stop = stop_as::throws;
    s["b"].stop = stop_as::ignores;
    s.start(sup, s.child("a").with_shutdown(how));
    s.start(sup, s.child("b").with_shutdown(how));
    const auto end_of_a = end_of(s.pid_of("a"));
    const auto end_of_sup = end_of(sup.get_pid());
    begin(sup.stop(exit_reason::shutdown("enough")));
    s.clock.advance(1s);
    CHECK(end_of_sup->reason == exit_reason::shutdown("enough"));
    CHECK((end_of_a->reason.kind() == exit_reason::kind_type::killed) == brutal);
  }
}

// SHUT-15
TEST_CASE("ten thousand dynamic children are stopped in one go") {
  scene s;
  coppice::set_report_sink(s.io, {});
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  int gone = 0;
  const auto body = [&gone]() -> coroutine<> {
    const std::shared_ptr<void> at_end{nullptr, [&gone](void*) { ++gone; }};
    co_await coppice::sleep_for(1h);
  };
  const coppice::child_spec spec = coppice::worker("w", body);
  for (int i = 0; i < 10'000; ++i) sup.start_child(spec);
  CHECK(s.ask(sup.count_children()).counts.active == 10'000);
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(gone == 10'000);
}

// SHUT-21, SHUT-26
TEST_CASE("stop ends the supervisor with the reason that was given") {
  for (const exit_reason& why :
       {exit_reason::shutdown(), exit_reason::normal(), exit_reason::error("fire")}) {
    scene s;
    const auto sup =
        s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
    const auto end = end_of(sup.get_pid());
    CHECK_FALSE(s.ask(sup.stop(why)).error);
    CHECK(end->reason == why);
  }
}

// SHUT-21, SHUT-26
TEST_CASE(
    "stop ends a supervisor with normal unless something else is said, its children with "
    "shutdown") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto end = end_of(sup.get_pid());
  const auto child_end = end_of(s.pid_of("a"));
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(end->reason == exit_reason::normal());
  CHECK(child_end->reason == exit_reason::shutdown());
}

// SHUT-26
TEST_CASE("a stop that takes longer than its limit fails with timeout and goes on") {
  scene s;
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 3s};
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto stopped = begin(sup.stop(exit_reason::shutdown(), 1s));
  s.clock.advance(1s);
  CHECK(stopped->error == errc::timeout);
  CHECK(sup.alive());
  s.clock.advance(2s);
  CHECK_FALSE(sup.alive());
  CHECK(s.ask(sup.stop()).error == errc::noproc);
}

// SHUT-26
TEST_CASE("a second stop waits for the first, and is told if that had another reason") {
  scene s;
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto first = begin(sup.stop());
  const auto second = begin(sup.stop());
  const auto third = begin(sup.stop(exit_reason::shutdown()));
  s.clock.advance(1s);
  CHECK_FALSE(first->error);
  CHECK_FALSE(second->error);
  CHECK(third->error == errc::unexpected_exit);
}

// SHUT-29
TEST_CASE("with no time to shut down a child is told, and killed as soon as time has moved") {
  for (const stop_as how : {stop_as::obeys, stop_as::ignores}) {
    scene s;
    s["a"].stop = how;
    s["b"].stop = how;
    const auto sup = s.supervise(
        supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_shutdown(0s)}});
    const auto dynamic = s.supervise(coppice::dynamic_supervisor_spec{});
    s.start(dynamic, s.child("b").with_shutdown(0s));
    const auto end_of_a = end_of(s.pid_of("a"));
    const auto end_of_b = end_of(s.pid_of("b"));
    const auto sup_stopped = begin(sup.stop());
    const auto dynamic_stopped = begin(dynamic.stop());
    s.clock.advance(1ns);  // the least that time can move
    CHECK(sup_stopped->there);
    CHECK(dynamic_stopped->there);
    const auto expected =
        how == stop_as::obeys ? exit_reason::shutdown() : exit_reason::killed();
    CHECK(end_of_a->reason == expected);
    CHECK(end_of_b->reason == expected);
    CHECK(count(s.reports, "did not stop in time") == (how == stop_as::obeys ? 0 : 2));
  }
}

// SHUT-32, API-22
TEST_CASE("while a slow child stops, its supervisor answers nobody") {
  scene s;
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a"), s.child("b")}});
  const auto terminated = begin(sup.terminate_child("a"));
  const auto counted = begin(sup.count_children());
  s.clock.settle();
  s.crashes("b");
  s.clock.settle();
  CHECK_FALSE(counted->there);
  CHECK(s.log() == "+a +b *a -b");
  s.clock.advance(1s);
  CHECK(terminated->there);
  CHECK(counted->there);
  CHECK(s.log() == "-a +b");
}

// SHUT-30
TEST_CASE("a killed child is waited for") {
  scene s;
  s["inner a"] = {.stop = stop_as::ignores};
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {coppice::supervisor({.name = "inner",
                                        .strategy = one_for_one,
                                        .children = {s.child("inner a").with_shutdown(infinity)}})
                       .with_shutdown(1s)}});
  const auto stopped = begin(sup.stop());
  s.clock.advance(1s);
  CHECK(stopped->there);
  CHECK(s.log() == "+inner a *inner a -inner a");
  CHECK(coppice::processes(s.io).empty());
}
