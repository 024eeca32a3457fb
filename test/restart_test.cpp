#include "support/coroutine.hpp"
#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::permanent;
using coppice::rest_for_one;
using coppice::restart;
using coppice::simple_one_for_one;
using coppice::temporary;
using coppice::transient;

namespace {

enum class ending {
  returns,
  shutdown,
  shutdown_with_note,
  throws,
  exits_with_error,
  killed,
  noproc
};

void end(scene& s, const std::string& name, ending how) {
  switch (how) {
    case ending::returns: s.returns(name); break;
    case ending::shutdown: s.exits(name, exit_reason::shutdown()); break;
    case ending::shutdown_with_note: s.exits(name, exit_reason::shutdown("done")); break;
    case ending::throws: s.crashes(name); break;
    case ending::exits_with_error: s.exits(name, exit_reason::error("broken")); break;
    case ending::killed: coppice::kill(s.pid_of(name)); break;
    case ending::noproc: s.exits(name, exit_reason::noproc()); break;
  }
}

std::string after(restart when, ending how) {
  scene s;
  s.supervise(coppice::supervisor_spec{.strategy = one_for_one,
                                       .children = {s.child("a").with_restart(when)}});
  CHECK(s.log() == "+a");
  end(s, "a", how);
  return s.log();
}

}  // namespace

// RT-01
TEST_CASE("a permanent child that returns is restarted") {
  CHECK(after(permanent, ending::returns) == "-a +a");
}

// RT-02
TEST_CASE("a permanent child that ends with shutdown is restarted") {
  CHECK(after(permanent, ending::shutdown) == "-a +a");
  CHECK(after(permanent, ending::shutdown_with_note) == "-a +a");
}

// RT-03, RT-14
TEST_CASE("a permanent child that ends abnormally is restarted") {
  CHECK(after(permanent, ending::throws) == "-a +a");
  CHECK(after(permanent, ending::exits_with_error) == "-a +a");
  CHECK(after(permanent, ending::noproc) == "-a +a");
  CHECK(after(permanent, ending::killed) == "-a +a");
}

// RT-04, RT-05
TEST_CASE("a transient child that ends as expected is not restarted") {
  CHECK(after(transient, ending::returns) == "-a");
  CHECK(after(transient, ending::shutdown) == "-a");
  CHECK(after(transient, ending::shutdown_with_note) == "-a");
}

// RT-06, RT-14
TEST_CASE("a transient child that ends abnormally is restarted") {
  CHECK(after(transient, ending::throws) == "-a +a");
  CHECK(after(transient, ending::exits_with_error) == "-a +a");
  CHECK(after(transient, ending::noproc) == "-a +a");
  CHECK(after(transient, ending::killed) == "-a +a");
}

// RT-07, RT-14
TEST_CASE("a temporary child is never restarted") {
  for (const ending how : {ending::returns, ending::shutdown, ending::shutdown_with_note,
                           ending::throws, ending::exits_with_error, ending::killed}) {
    CHECK(after(temporary, how) == "-a");
  }
}

// RT-04, RT-05
TEST_CASE("a transient child that has finished keeps its spec and can be started by hand") {
  for (const ending how : {ending::returns, ending::shutdown_with_note}) {
    scene s;
    const auto sup = s.supervise(coppice::supervisor_spec{
        .strategy = one_for_one, .children = {s.child("a").with_restart(transient)}});
    end(s, "a", how);
    CHECK(s.children_of(sup) == "a(none)");
    const answer restarted = s.ask(sup.restart_child("a"));
    CHECK(restarted.started.process == s.pid_of("a"));
    CHECK(s.log() == "+a -a +a");
  }
}

// RT-07
TEST_CASE("the spec of a temporary child vanishes when it ends, and its id is free") {
  scene s;
  const auto sup = s.supervise(coppice::supervisor_spec{
      .strategy = one_for_one, .children = {s.child("a").with_restart(temporary)}});
  s.crashes("a");
  CHECK(s.children_of(sup).empty());
  CHECK(s.ask(sup.restart_child("a")).error == errc::not_found);
  CHECK_FALSE(s.start(sup, s.child("a")).error);
  CHECK(s.children_of(sup) == "a");
}

// RT-08
TEST_CASE("a temporary child stopped for its sibling's sake is dropped for good") {
  for (const auto how : {one_for_all, rest_for_one}) {
    scene s;
    const auto sup = s.supervise(coppice::supervisor_spec{
        .strategy = how,
        .children = {s.child("a"), s.child("b").with_restart(temporary), s.child("c")}});
    CHECK(s.log() == "+a +b +c");
    s.crashes("a");
    CHECK(s.log() == "-a -c -b +a +c");
    CHECK(s.children_of(sup) == "a c");
  }
}

// RT-09
TEST_CASE("the crash of a temporary child disturbs no sibling") {
  for (const auto how : {one_for_all, rest_for_one}) {
    scene s;
    const auto sup = s.supervise(coppice::supervisor_spec{
        .strategy = how, .children = {s.child("a").with_restart(temporary), s.child("b")}});
    s.crashes("a");
    CHECK(s.log() == "+a +b -a");
    CHECK(s.children_of(sup) == "b");
  }
}

// RT-10
TEST_CASE("a transient child that finishes disturbs no sibling") {
  for (const auto how : {one_for_all, rest_for_one}) {
    scene s;
    s.supervise(coppice::supervisor_spec{
        .strategy = how, .children = {s.child("a").with_restart(transient), s.child("b")}});
    s.returns("a");
    CHECK(s.log() == "+a +b -a");
  }
}

// RT-11
TEST_CASE(
    "a group restart also starts those of the group that had finished or were stopped by hand") {
  scene s;
  const auto sup = s.supervise(coppice::supervisor_spec{
      .strategy = one_for_all,
      .children = {s.child("a"), s.child("b").with_restart(transient), s.child("c")}});
  s.returns("b");
  s.ask(sup.terminate_child("c"));
  CHECK(s.log() == "+a +b +c -b -c");
  s.crashes("a");
  CHECK(s.log() == "-a +a +b +c");
}

// RT-12
TEST_CASE("what a temporary child was started from goes when it does") {
  scene s;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  const auto sup = s.supervise(coppice::supervisor_spec{.strategy = one_for_one});
  s.start(sup, coppice::worker("a", [held = std::move(held)]() -> coroutine<> {
                 co_await coppice::sleep_for(1s);
               }).with_restart(temporary));
  CHECK_FALSE(watched.expired());
  s.clock.advance(1s);
  CHECK(watched.expired());
  CHECK(sup.alive());
}

// RT-13
TEST_CASE("a restart calls the same function anew and carries nothing over") {
  scene s;
  std::vector<int> seen;
  const auto body = [&seen](coppice::init_ack up) -> coroutine<> {
    int state = 1;
    seen.push_back(state);
    state = 2;
    up.ready();
    co_await coppice::sleep_for(1s);
    throw std::runtime_error{"boom"};
  };
  s.supervise(
      coppice::supervisor_spec{.strategy = one_for_one, .children = {coppice::worker("a", body)}});
  s.clock.advance(2s);
  CHECK(seen == std::vector<int>{1, 1, 1});
}

// RT-15
TEST_CASE("a transient child supervisor that gave up stays down; a permanent one is restarted") {
  for (const restart when : {permanent, transient}) {
    scene s;
    const auto top = s.supervise(
        coppice::supervisor_spec{.strategy = one_for_one,
                                 .children = {coppice::supervisor({.name = "inner",
                                                                   .strategy = one_for_one,
                                                                   .intensity = 0,
                                                                   .children = {s.child("a")}})
                                                  .with_restart(when)}});
    s.crashes("a");
    CHECK(s.log() == (when == permanent ? "+a -a +a" : "+a -a"));
    CHECK(s.children_of(top) == (when == permanent ? "inner" : "inner(none)"));
  }
}

// RT-16
TEST_CASE("a restarted child is a new process and the old pid stays dead") {
  scene s;
  s.supervise(coppice::supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const coppice::pid old = s.pid_of("a");
  s.crashes("a");
  s.clock.settle();
  CHECK_FALSE(old.alive());
  CHECK(s.pid_of("a").alive());
  CHECK(s.pid_of("a") != old);
}

TEST_CASE("whoever monitors a child hears of its end before the child starts again") {
  for (const bool acknowledges : {true, false}) {
    CAPTURE(acknowledges);
    scene s;
    std::string seen;
    coppice::pid child;
    int starts = 0;
    const auto body = [&]() -> coroutine<> {
      seen += '+';
      child = coppice::self();
      if (++starts == 1) {
        co_await coppice::sleep_for(1s);
        throw std::runtime_error{"boom"};
      }
      co_await coppice::sleep_for(1h);
    };
    const auto acknowledging = [&](coppice::init_ack up) -> coroutine<> {
      up.ready();
      return body();
    };
    s.supervise(
        coppice::supervisor_spec{.strategy = one_for_one,
                                 .children = {acknowledges ? coppice::worker("a", acknowledging)
                                                           : coppice::worker("a", body)}});
    const auto watch = [&]() -> coroutine<> {
      coppice::mailbox<coppice::down> ends;
      coppice::monitor(child, ends);
      co_await ends.receive();
      seen += '-';
    };
    coppice::spawn(s.io, watch);
    s.clock.settle();
    s.clock.advance(2s);
    CHECK(seen == "+-+");
  }
}

// RT-17
TEST_CASE("a restart that asks not to be started leaves the spec without a process") {
  scene s;
  s["a"].starts = {start_as::up, start_as::ignores};
  const auto sup = s.supervise(coppice::supervisor_spec{
      .strategy = one_for_one, .intensity = 1, .children = {s.child("a")}});
  s.crashes("a");
  CHECK(s.log() == "+a -a ?a");
  CHECK(s.children_of(sup) == "a(none)");
  CHECK_FALSE(s.ask(sup.restart_child("a")).error);
  CHECK(s.children_of(sup) == "a");
}

// RT-18
TEST_CASE("a restart that asks not to be started drops a dynamic child") {
  scene s;
  s["a"].starts = {start_as::up, start_as::ignores};
  s["b"].starts = {start_as::up, start_as::ignores};
  const auto dynamic = s.supervise(coppice::dynamic_supervisor_spec{});
  const auto simple = s.supervise(
      coppice::supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast()}});
  s.start(dynamic, s.child("a"));
  s.start(simple, "b");
  s.crashes("a");
  s.crashes("b");
  CHECK(s.log() == "+a +b -a -b ?a ?b");
  CHECK(s.count_of(dynamic) == "0 0 0 0");
  CHECK(s.count_of(simple) == "1 0 0 0");
}

// RT-19
TEST_CASE("the end of a process the supervisor does not know is ignored") {
  scene s;
  const auto sup =
      s.supervise(coppice::supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  coppice::spawn(s.io, [&]() -> coroutine<> {
    coppice::link(sup.get_pid());
    throw std::runtime_error{"a stranger dies"};
    co_return;
  });
  CHECK(s.log() == "+a");
  CHECK(sup.alive());
}

// RT-21
TEST_CASE("the restart goes by the reason the child really ended with") {
  scene s;
  s["a"].stop = stop_as::throws;
  s["b"].stop = stop_as::returns;
  s.supervise(coppice::supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a").with_restart(transient), s.child("b").with_restart(transient)}});
  // Both are asked to end by a stranger; what counts is how they do.
  coppice::exit(s.pid_of("a"), exit_reason::shutdown());
  coppice::exit(s.pid_of("b"), exit_reason::error("because"));
  CHECK(s.log() == "+a +b -a -b +a");
}

// RT-20
TEST_CASE("a child that cuts its links is restarted all the same") {
  scene s;
  int starts = 0;
  const auto body = [&starts]() -> coroutine<> {
    ++starts;
    coppice::unlink(coppice::whereis("top"));
    co_await coppice::sleep_for(1s);
  };
  const auto sup = s.supervise(coppice::supervisor_spec{
      .name = "top", .strategy = one_for_one, .children = {coppice::worker("a", body)}});
  s.clock.advance(1s);
  CHECK(starts == 2);
  CHECK(s.count_of(sup) == "1 1 0 1");
}
