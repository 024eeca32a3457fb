#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using coppice::next_step;
using coppice::one_for_all;
using coppice::one_for_one;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

// The reports of one kind, as "id: what was reported".
template <class Kind, class Describe>
auto collect(scene& s, Describe describe) {
  auto found = std::make_shared<std::vector<std::string>>();
  coppice::set_report_sink(s.io, [found, describe](const coppice::report& r) {
    if (const auto* x = std::get_if<Kind>(&r)) found->push_back(describe(*x));
  });
  return found;
}

std::string name_of(next_step next) {
  switch (next) {
    case next_step::none: return "none";
    case next_step::restart: return "restart";
    case next_step::give_up: return "give up";
    case next_step::shut_down: return "shut down";
  }
  return "?";
}

using texts = std::vector<std::string>;

bool matters(const coppice::report& r) {
  return coppice::severity_of(r) >= coppice::severity::warning;
}

}  // namespace

// LOG-06
TEST_CASE("a child that fails to start is reported with its reason and what comes of it") {
  scene s;
  const auto failures = collect<coppice::child_start_failed>(s, [](const auto& x) {
    return std::string{x.child.id} + ": " + x.reason.to_string() + ", " + name_of(x.next);
  });
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  s["b"].then = start_as::throws;
  s["c"].then = start_as::ends;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  s.crashes("a");
  s.start(sup, s.child("b"));
  s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("c")}});
  CHECK(*failures == texts{"a: error: refused, restart", "b: std::runtime_error: no start, none",
                           "c: error: it ended before it had acknowledged its start, shut down"});
}

// LOG-06, LOG-08
TEST_CASE("the end of a child is reported with its reason and what comes of it") {
  scene s;
  const auto ends = collect<coppice::child_ended>(s, [](const auto& x) {
    return std::string{x.child.id} + ": " + x.reason.to_string() + ", " + name_of(x.next);
  });
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .intensity = {.restarts = 2, .within = 5s},
      .auto_shutdown = coppice::auto_shutdown::any_significant,
      .children = {s.child("a"), s.child("b", {.restart = transient}),
                   s.child("c", {.restart = temporary}),
                   s.child("d", {.restart = transient, .significant = true})}});
  s.returns("a");
  s.clock.settle();
  s.returns("b");
  s.clock.settle();
  coppice::kill(s.pid_of("c"));
  s.clock.settle();
  s.crashes("a");
  s.clock.settle();
  s.exits("d", exit_reason::shutdown("done"));
  s.clock.settle();
  CHECK(*ends == texts{"a: normal, restart", "b: normal, none", "c: killed, none",
                       "a: std::runtime_error: boom, restart", "d: shutdown: done, shut down"});
}

// LOG-08
TEST_CASE("the expected end of a child that is not permanent is no alarm; that of a permanent one is") {
  const auto alarming = [](coppice::restart when, bool crashes) {
    scene s;
    bool alarm = false;
    coppice::set_report_sink(s.io, [&](const coppice::report& r) {
      if (std::holds_alternative<coppice::child_ended>(r)) alarm = matters(r);
    });
    s.supervise(supervisor_spec{.strategy = one_for_one,
                                .children = {s.child("a", {.restart = when})}});
    if (crashes) {
      s.crashes("a");
    } else {
      s.returns("a");
    }
    s.clock.settle();
    return alarm;
  };
  CHECK(alarming(coppice::permanent, false));
  CHECK_FALSE(alarming(transient, false));
  CHECK_FALSE(alarming(temporary, false));
  CHECK(alarming(coppice::permanent, true));
  CHECK(alarming(transient, true));
  CHECK(alarming(temporary, true));
}

// LOG-06, LOG-07
TEST_CASE("a report names the supervisor, the child, its process and how often it was restarted") {
  scene s;
  std::vector<coppice::pid> processes;
  std::vector<std::size_t> restarts;
  coppice::pid supervisor;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::child_ended>(&r)) {
      CHECK(x->child.supervisor == "top");
      CHECK(x->child.id == "a");
      supervisor = x->child.supervisor_id;
      processes.push_back(x->child.process);
      restarts.push_back(x->child.restarts);
    }
  });
  const auto sup = s.supervise(
      supervisor_spec{.name = "top", .strategy = one_for_one, .children = {s.child("a")}});
  const coppice::pid first = s.pid_of("a");
  s.crashes("a");
  s.clock.settle();
  const coppice::pid second = s.pid_of("a");
  s.crashes("a");
  s.clock.settle();
  CHECK(supervisor == sup.get_pid());
  CHECK(processes == std::vector{first, second});
  CHECK(restarts == std::vector<std::size_t>{0, 1});
}

// LOG-09
TEST_CASE("an exhausted budget is reported once, with the child that tipped it") {
  scene s;
  const auto exhausted = collect<coppice::budget_exhausted>(s, [](const auto& x) {
    return std::string{x.child.id} + ": " + std::to_string(x.restarts);
  });
  s["a"] = {.starts = {start_as::up}, .then = start_as::fails};
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .intensity = {.restarts = 2, .within = 5s},
                              .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  s.clock.settle();
  CHECK(*exhausted == texts{"a: 2"});
}

// LOG-06
TEST_CASE("a child that stops badly is reported, and what a stop came to") {
  scene s;
  const auto bad = collect<coppice::child_stop_failed>(s, [](const auto& x) {
    return std::string{x.child.id} + ": " + x.reason.to_string() +
           (x.had_to_be_killed ? ", killed" : "");
  });
  s["a"].stop = stop_as::throws;
  s["b"].stop = stop_as::ignores;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one,
                      .children = {s.child("a"), s.child("b", {.shutdown = 1s}), s.child("c")}});
  begin(sup.stop());
  s.clock.advance(1s);
  CHECK(*bad == texts{"b: killed, killed", "a: std::runtime_error: spilt"});
}

TEST_CASE("a supervisor reports how many children it has stopped, and how many it had to kill") {
  scene s;
  std::vector<std::size_t> figures;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::supervisor_stopped>(&r)) {
      figures = {x->stopped, x->killed};
      CHECK(matters(r));
      CHECK(x->reason == exit_reason::shutdown("enough"));
    }
  });
  s["b"].stop = stop_as::ignores;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one,
                      .children = {s.child("a"), s.child("b", {.shutdown = 1s}), s.child("c")}});
  begin(sup.stop(exit_reason::shutdown("enough")));
  s.clock.advance(1s);
  CHECK(figures == std::vector<std::size_t>{3, 1});
}

TEST_CASE("a sink that throws breaks no supervisor") {
  scene s;
  int reports = 0;
  coppice::set_report_sink(s.io, [&](const coppice::report&) {
    ++reports;
    throw std::runtime_error{"the log is full"};
  });
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  s["b"].stop = stop_as::throws;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_all,
      .intensity = {.restarts = 3, .within = 1s},
      .children = {s.child("a", {.shutdown = 5s}), s.child("b")}});
  s.crashes("a");
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(s.log() == "+a +b -a -b !a +a +b -b -a");
  CHECK(reports > 5);
}

TEST_CASE("an empty sink turns reports off") {
  scene s;
  coppice::set_report_sink(s.io, {});
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  s.crashes("a");
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(s.reports.empty());
}

// INT-15
TEST_CASE("a warning names the supervisor and the child, and is an alarm") {
  scene s;
  const auto warnings = collect<coppice::spec_warning>(s, [](const auto& x) {
    CHECK(matters(x));
    return std::string{x.supervisor} + ": " + std::string{x.text.substr(0, 9)};
  });
  s.supervise(supervisor_spec{
      .name = "top",
      .strategy = coppice::rest_for_one,
      .children = {s.child("a"), s.child("b", {.shutdown = coppice::infinity})}});
  CHECK(*warnings == texts{"top: child \"b\""});
}

TEST_CASE("a report reads as one line") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  const auto sup = s.supervise(
      supervisor_spec{.name = "top", .strategy = one_for_one, .children = {s.child("a")}});
  s.crashes("a");
  s.ask(sup.stop());
  REQUIRE_FALSE(s.reports.empty());
  for (const std::string& line : s.reports) {
    CHECK(line.starts_with("top"));
    CHECK(line.find('\n') == std::string::npos);
  }
}
