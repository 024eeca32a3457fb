#include "support/coroutine.hpp"
#include "support/scripted.hpp"

#include <coppice/name.hpp>
#include <coppice/supervise.hpp>

#include <doctest/doctest.h>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <any>
#include <functional>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

using coppice::one_for_one;
using coppice::simple_one_for_one;
using coppice::supervisor_ref;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

supervisor_spec three(scene& s) {
  return {.strategy = one_for_one, .children = {s.child("a"), s.child("b"), s.child("c")}};
}

template <class Coroutine>
void becomes_supervisor() {
  scene s;
  std::string log;
  bool wanted = true;
  const auto body = [&](coppice::init_ack up) -> Coroutine {
    if (!wanted) co_await up.ignore();
    log += "before ";
    auto life = coppice::supervise(
        {.name = "inner", .strategy = one_for_one, .children = {s.child("a")}}, up);
    const coppice::supervisor_end end = co_await life.end();
    CHECK(end.why == coppice::supervisor_end::cause::asked);
    log += "after ";
    co_await coppice::exit(end.reason);
  };
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one,
                      .children = {coppice::worker("a", body).with_shutdown(coppice::infinity)}});
  CHECK(s.log() == "+a");
  s.crashes("a");
  CHECK(s.log() == "-a +a");
  const auto end = end_of(coppice::whereis(s.io, "inner"));
  CHECK_FALSE(s.ask(sup.terminate_child("a")).error);
  CHECK(s.log() == "-a");
  CHECK(log == "before after ");
  CHECK(end->reason == exit_reason::shutdown());
  wanted = false;
  const answer again = s.ask(sup.restart_child("a"));
  CHECK_FALSE(again.error);
  CHECK_FALSE(again.started.process);
  CHECK(s.children_of(sup) == "a(none)");
}

}  // namespace

// START-01, START-02, START-21, INIT-01
TEST_CASE("children start in order, each after the one before it is up") {
  scene s;
  s["b"].then = start_as::hangs;
  const auto sup = coppice::start_supervisor(s.io, three(s));
  const auto up = begin(sup.ready());
  CHECK(s.log() == "+a ~b");
  s.clock.advance(100h);
  CHECK(s.log().empty());
  CHECK_FALSE(up->there);
  s.comes_up("b");
  CHECK(s.log() == "+b +c");
  CHECK(up->there);
  CHECK_FALSE(up->error);
}

// START-02
TEST_CASE("whether a supervisor is up can be asked at any time") {
  scene s;
  const auto sup = s.supervise(three(s));
  CHECK_FALSE(s.ask(sup.ready()).error);
  CHECK_FALSE(s.ask(sup.ready()).error);
}

// START-03
TEST_CASE("a child that asks not to be started ends normally and nobody is signalled") {
  scene s;
  s["a"].then = start_as::ignores;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const answer a = s.start(sup, s.child("a"));
  CHECK_FALSE(a.error);
  CHECK_FALSE(a.started.process);
  for (const std::string& r : s.reports) CHECK(r.find("failed") == std::string::npos);
}

// START-05, START-14
TEST_CASE("what a starting child throws is the reason of the failed start") {
  scene s;
  s["a"].then = start_as::throws;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const answer a = s.start(sup, s.child("a"));
  CHECK(a.error == errc::start_failed);
  REQUIRE(a.reason.exception());
  CHECK_THROWS_WITH_AS(std::rethrow_exception(a.reason.exception()), "no start",
                       std::runtime_error);
  CHECK(sup.alive());
}

// START-05, START-14
TEST_CASE("a start function that throws before it is a coroutine has failed to start") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const auto bad = []() -> coroutine<> { throw std::runtime_error{"not even a frame"}; };
  const auto acknowledging = [](coppice::init_ack) -> coroutine<> {
    throw std::runtime_error{"not even a frame"};
  };
  const answer a = s.start(sup, coppice::worker("a", acknowledging));
  CHECK(a.error == errc::start_failed);
  CHECK(a.reason.what() == "not even a frame");
  // One that has no start phase has started, and then crashed.
  CHECK_FALSE(s.start(sup, coppice::worker("b", bad).with_restart(temporary)).error);
  CHECK(sup.alive());
}

// START-06, INIT-03
TEST_CASE("a failed start leaves nothing behind by the time it is told") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  std::vector<coppice::pid> left;
  const auto body = [](coppice::init_ack) -> coroutine<> {
    coppice::register_name("held");
    throw std::runtime_error{"no"};
    co_return;
  };
  auto adding = sup.start_child(coppice::worker("a", body));
  coppice::pid held = sup.get_pid();  // not empty
  adding.ready()([&](boost::system::error_code, const coppice::started_child&) {
    left = coppice::processes(s.io);
    held = coppice::whereis(s.io, "held");
  });
  s.clock.settle();
  CHECK(left == std::vector{sup.get_pid()});
  CHECK_FALSE(held);
}

// NAME-04
TEST_CASE("a name is free again by the time it is told that its holder did not start") {
  scene s;
  s["b"].then = start_as::fails;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const auto body = [](coppice::init_ack up) -> coroutine<> {
    coppice::register_name("held");
    co_await up.ignore();
  };
  for (const bool ignores : {true, false}) {
    auto adding = sup.start_child(
        ignores ? coppice::worker("a", body)
                : coppice::supervisor(
                      {.name = "held", .strategy = one_for_one, .children = {s.child("b")}}));
    coppice::pid held = sup.get_pid();  // not empty
    boost::system::error_code error;
    adding.ready()([&](boost::system::error_code ec, const coppice::started_child&) {
      error = ec;
      held = coppice::whereis(s.io, "held");
    });
    s.clock.settle();
    CHECK(error == (ignores ? boost::system::error_code{} : make_error_code(errc::start_failed)));
    CHECK_FALSE(held);
  }
}

// START-07
TEST_CASE("what a child says when it is up is handed to whoever started it") {
  scene s;
  s["a"].info = std::string{"listening on 80"};
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const answer a = s.start(sup, s.child("a"));
  CHECK(a.started.process == s.pid_of("a"));
  CHECK(a.started.info_as<std::string>() == "listening on 80");
  s.crashes("a");
  s.clock.settle();
  CHECK(s.ask(sup.count_children()).counts.active == 1);
  s.ask(sup.terminate_child("a"));
  const answer again = s.ask(sup.restart_child("a"));
  CHECK(again.started.info_as<std::string>() == "listening on 80");
}

// START-08
TEST_CASE("a child that asks not to be started keeps its spec, and the next ones are started") {
  scene s;
  s["b"].then = start_as::ignores;
  s["d"].then = start_as::ignores;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"), s.child("b").with_restart(transient), s.child("c")}});
  CHECK(s.log() == "+a ?b +c");
  s.start(sup, s.child("d"));
  CHECK(s.children_of(sup) == "a b(none) c d(none)");
  CHECK(s.count_of(sup) == "4 2 0 4");
}

// START-03, START-08
TEST_CASE("a body may become a supervisor, or ask not to be started after all") {
  becomes_supervisor<asio::awaitable<void>>();
  becomes_supervisor<asio::awaitable<void, coppice::executor>>();
  becomes_supervisor<coppice::task<>>();
}

// START-03
TEST_CASE("a body that was a supervisor learns why it is none any more, and goes on") {
  using cause = coppice::supervisor_end::cause;
  scene s;
  s["bad"].then = start_as::fails;
  std::string log;
  const auto body = [&s, &log](std::string child, cause expected) {
    return [&s, &log, child, expected]() -> coroutine<> {
      auto life = coppice::supervise(
          {.strategy = one_for_one, .intensity = 0, .children = {s.child(child)}},
          [&log] { log += "up "; });
      const coppice::supervisor_end end = co_await life.end();
      const coppice::supervisor_end again = co_await life.end();
      CHECK(end.why == expected);
      CHECK(again.reason == end.reason);
      log += end.reason.is_shutdown() ? "shutdown " : "other ";
      co_await coppice::sleep_for(1h);
    };
  };
  const coppice::pid gives_up = coppice::spawn(s.io, body("a", cause::gave_up));
  CHECK(s.log() == "+a");
  s.crashes("a");
  CHECK(s.log() == "-a");
  coppice::spawn(s.io, body("bad", cause::start_failed));
  CHECK(s.log() == "!bad");
  CHECK(log == "up shutdown shutdown ");
  CHECK(gives_up.alive());
  CHECK(s.ask(coppice::supervisor_ref{gives_up}.which_children()).error == errc::wrong_type);
}

// START-03
TEST_CASE("who waits no longer for the end of a supervisor that a body is, may do so again") {
  scene s;
  std::string log;
  coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    using namespace asio::experimental::awaitable_operators;
    auto life =
        coppice::supervise({.name = "sup", .strategy = one_for_one, .children = {s.child("a")}});
    auto ending = [&life]() -> asio::awaitable<void> { co_await life.end(); };
    auto pausing = []() -> asio::awaitable<void> { co_await coppice::sleep_for(1s); };
    auto either = ending() || pausing();
    co_await std::move(either);
    log += "paused ";
    co_await coppice::sleep_for(1s);
    log += "on ";
    const coppice::supervisor_end end = co_await life.end();
    log += end.reason.to_string();
    co_await coppice::exit(end.reason);
  });
  CHECK(s.log() == "+a");
  s.clock.advance(1s);
  s.crashes("a");
  CHECK(s.log() == "-a");
  CHECK(log == "paused ");
  s.clock.advance(1s);
  CHECK(s.log() == "+a");
  CHECK_FALSE(
      s.ask(coppice::supervisor_ref{s.io, "sup"}.stop(exit_reason::shutdown("done"))).error);
  CHECK(log == "paused on shutdown: done");
}

// SPEC-15, START-16
TEST_CASE("what keeps a body from becoming a supervisor is told where it is to become one") {
  scene s;
  CHECK_THROWS_AS(static_cast<void>(coppice::supervise({.strategy = one_for_one})),
                  std::logic_error);
  s.supervise(supervisor_spec{.name = "taken", .strategy = one_for_one});
  int thrown = 0;
  coppice::spawn(s.io, [&]() -> coroutine<> {
    try {
      const auto life = coppice::supervise({.strategy = one_for_one, .period = 0s});
    } catch (const std::invalid_argument&) {
      ++thrown;
    }
    try {
      const auto life = coppice::supervise({.name = "taken", .strategy = one_for_one});
    } catch (const coppice::name_taken& e) {
      CHECK(e.holder() == coppice::whereis("taken"));
      ++thrown;
    }
    co_return;
  });
  s.clock.settle();
  CHECK(thrown == 2);
}

// SPEC-24, START-05
TEST_CASE("a supervisor may be described by a function, called anew for each start") {
  scene s;
  int calls = 0;
  const auto init = [&] {
    ++calls;
    supervisor_spec spec{.name = "inner", .strategy = one_for_one, .children = {s.child("a")}};
    if (calls == 2) spec.children.push_back(s.child("b"));
    if (calls == 3) throw std::runtime_error{"no such table"};
    if (calls == 4) spec.children.push_back(s.child("a"));
    return spec;
  };
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {coppice::supervisor("i", init)}});
  CHECK(s.log() == "+a");
  coppice::kill(coppice::whereis(s.io, "inner"));
  CHECK(s.log() == "-a +a +b");
  s.ask(sup.terminate_child("i"));
  s.log();
  CHECK(s.ask(sup.restart_child("i")).error == errc::start_failed);
  CHECK(s.ask(sup.restart_child("i")).error == errc::start_failed);
  CHECK(s.log().empty());
  const auto root = coppice::start_supervisor(s.io, init);
  CHECK_FALSE(s.ask(root.ready()).error);
  CHECK(s.log() == "+a");
  calls = 2;
  const auto bad = coppice::start_supervisor(s.io, init);
  const auto up = begin(bad.ready());
  const auto end = end_of(bad.get_pid());
  s.clock.settle();
  CHECK(up->error == errc::start_failed);
  CHECK(end->reason.what() == "no such table");
  CHECK_THROWS_AS(coppice::start_supervisor(s.io, std::function<supervisor_spec()>{}),
                  std::invalid_argument);
}

// START-09
TEST_CASE("a temporary child that asks not to be started is dropped") {
  scene s;
  s["a"].then = s["b"].then = start_as::ignores;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_restart(temporary)}});
  const answer b = s.start(sup, s.child("b").with_restart(temporary));
  CHECK_FALSE(b.error);
  CHECK_FALSE(b.started.process);
  CHECK(s.children_of(sup).empty());
}

// START-10
TEST_CASE("a dynamic child that asks not to be started is never stored") {
  for (const auto when : {coppice::permanent, transient, temporary}) {
    scene s;
    s["a"].then = start_as::ignores;
    const auto simple = s.supervise(
        supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast().with_restart(when)}});
    const answer a = s.start(simple, "a");
    CHECK_FALSE(a.error);
    CHECK_FALSE(a.started.process);
    CHECK(s.count_of(simple) == "1 0 0 0");
    CHECK_FALSE(s.ask(simple.stop()).error);
  }
}

// START-11, START-12, START-13
TEST_CASE("if a static child does not start, those before it are stopped in reverse order") {
  for (const start_as how : {start_as::throws, start_as::fails, start_as::ends}) {
    scene s;
    s["c"].then = how;
    s["a"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
    const auto sup = coppice::start_supervisor(
        s.io, supervisor_spec{.strategy = one_for_one,
                              .children = {s.child("a"), s.child("b"), s.child("c"),
                                           s.child("d")}});
    const auto up = begin(sup.ready());
    const auto end = end_of(sup.get_pid());
    CHECK(s.log() == "+a +b !c -b *a");
    CHECK_FALSE(up->there);
    s.clock.advance(1s);
    CHECK(s.log() == "-a");
    CHECK(up->error == errc::start_failed);
    CHECK(end->reason.is_shutdown());
    const std::string note{end->reason.note()};
    CHECK(note.starts_with("failed to start child c ("));
    if (how == start_as::throws) CHECK(note.find("no start") != std::string::npos);
    if (how == start_as::fails) CHECK(note.find("refused") != std::string::npos);
  }
}

// START-11
TEST_CASE("a failed start is told through all levels with its cause") {
  scene s;
  s["a"].then = start_as::throws;
  const auto sup = coppice::start_supervisor(
      s.io,
      supervisor_spec{.strategy = one_for_one,
                      .children = {coppice::supervisor({.name = "inner",
                                                        .strategy = one_for_one,
                                                        .children = {s.child("a")}})}});
  const auto end = end_of(sup.get_pid());
  CHECK(s.log() == "!a");
  const std::string note{end->reason.note()};
  CHECK(note.find("inner") != std::string::npos);
  CHECK(note.find("child a") != std::string::npos);
  CHECK(note.find("no start") != std::string::npos);
}

// START-16, NAME-02
TEST_CASE("a child whose name is taken by a stranger is not stored, and the stranger is named") {
  scene s;
  const coppice::pid holder = coppice::spawn(s.io, []() -> coroutine<> {
    coppice::register_name("taken");
    co_await coppice::sleep_for(1h);
  });
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const auto dynamic = s.supervise(coppice::dynamic_supervisor_spec{});
  const auto body = [](coppice::init_ack up) -> coroutine<> {
    coppice::register_name("taken");
    up.ready();
    co_return;
  };
  const coppice::child_spec specs[] = {
      coppice::worker("a", body),
      coppice::supervisor({.name = "taken", .strategy = one_for_one, .children = {s.child("b")}})};
  for (const coppice::child_spec& spec : specs) {
    for (const answer& a : {s.start(sup, spec), s.start(dynamic, spec)}) {
      CHECK(a.error == errc::already_started);
      CHECK(a.started.process == holder);
      CHECK(*a.reason.exception_type() == typeid(coppice::name_taken));
    }
  }
  CHECK(s.children_of(sup).empty());
  CHECK(s.children_of(dynamic).empty());
  CHECK(s.log().empty());
}

// START-16, API-10
TEST_CASE("a stopped child whose name a stranger has taken stays stopped") {
  scene s;
  const auto body = [](coppice::init_ack up) -> coroutine<> {
    coppice::register_name("mine");
    up.ready();
    co_await coppice::sleep_for(1h);
  };
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {coppice::worker("a", body)}});
  s.ask(sup.terminate_child("a"));
  const coppice::pid thief = coppice::spawn(s.io, []() -> coroutine<> {
    coppice::register_name("mine");
    co_await coppice::sleep_for(1h);
  });
  const answer a = s.ask(sup.restart_child("a"));
  CHECK(a.error == errc::already_started);
  CHECK(a.started.process == thief);
  CHECK(s.children_of(sup) == "a(none)");
}

// START-16
TEST_CASE("a child that asks for a second name has failed to start, and no stranger is to blame") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  for (const char* second : {"first", "second"}) {
    const auto body = [second](coppice::init_ack) -> coroutine<> {
      coppice::register_name("first");
      coppice::register_name(second);
      co_return;
    };
    CHECK(s.start(sup, coppice::worker("a", body)).error == errc::start_failed);
  }
}

// START-17, START-18
TEST_CASE("a child that fails in start_child is not stored and counts for nothing") {
  scene s;
  s["a"].then = start_as::fails;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one, .intensity = 0});
  for (int i = 0; i < 5; ++i) {
    const answer a = s.start(sup, s.child("a"));
    CHECK(a.error == errc::start_failed);
    CHECK(a.reason == exit_reason::error("refused"));
  }
  CHECK(sup.alive());
  CHECK(s.children_of(sup).empty());
}

// START-19
TEST_CASE("a child that dies as soon as it is up is not missed") {
  scene s;
  int starts = 0;
  const auto body = [&starts]() -> coroutine<> {
    ++starts;
    co_return;
  };
  s.supervise(supervisor_spec{.strategy = one_for_one, .children = {coppice::worker("a", body)}});
  CHECK(starts == 4);
}

// START-20
TEST_CASE("a child that dies while later ones are still starting is restarted after that") {
  scene s;
  s["b"].then = start_as::hangs;
  s.supervise(three(s));
  s.crashes("a");
  CHECK(s.log() == "+a ~b -a");
  s.comes_up("b");
  CHECK(s.log() == "+b +c +a");
}

// START-21, API-22
TEST_CASE("while a child starts its supervisor does nothing else") {
  scene s;
  s["x"].then = start_as::hangs;
  const auto sup = s.supervise(three(s));
  s.log();
  auto adding = sup.start_child(s.child("x"));
  const auto added = begin(adding.ready());
  const auto listed = begin(sup.which_children());
  s.crashes("a");
  s.clock.advance(100h);
  CHECK(s.log() == "-a ~x");
  CHECK_FALSE(listed->there);
  s.comes_up("x");
  CHECK(s.log() == "+x +a");
  CHECK(added->started.process == s.pid_of("x"));
  CHECK(listed->listing.size() == 4);
}

// START-22
TEST_CASE("the end of a linked child does not end its supervisor") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.name = "top", .strategy = one_for_one});
  const auto body = [](coppice::init_ack) -> coroutine<> {
    coppice::link(coppice::whereis("top"));
    throw std::runtime_error{"no"};
    co_return;
  };
  s.start(sup, coppice::worker("a", body));
  CHECK(sup.alive());
}

// START-23, DYN-12
TEST_CASE("a second supervisor of the same name does not start") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.name = "one", .strategy = one_for_one});
  const auto second = coppice::start_supervisor(
      s.io,
      supervisor_spec{.name = "one", .strategy = one_for_one, .children = {s.child("a")}});
  const auto dynamic =
      coppice::start_supervisor(s.io, coppice::dynamic_supervisor_spec{.name = "one"});
  auto up = second.ready();
  const auto failed = begin(std::move(up));
  s.clock.settle();
  CHECK(failed->error == errc::already_started);
  CHECK_FALSE(dynamic.alive());
  CHECK_FALSE(second.alive());
  CHECK(s.log().empty());
  CHECK(coppice::whereis(s.io, "one") == sup.get_pid());
  s.ask(sup.stop());
  const auto third =
      coppice::start_supervisor(s.io, coppice::dynamic_supervisor_spec{.name = "one"});
  CHECK_FALSE(s.ask(third.ready()).error);
}

// START-15, INIT-01
TEST_CASE("a child that ends before it said that it is up has failed to start") {
  scene s;
  s["a"].then = start_as::ends;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const answer a = s.start(sup, s.child("a"));
  CHECK(a.error == errc::start_failed);
  CHECK(a.reason.is_abnormal());
}

// INIT-02
TEST_CASE("a child may say why it does not start, and end quietly or loudly") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  for (const exit_reason& why :
       {exit_reason::shutdown("not today"), exit_reason::error("broken")}) {
    const auto body = [why](coppice::init_ack up) -> coroutine<> { co_await up.fail(why); };
    const answer a = s.start(sup, coppice::worker("a", body));
    CHECK(a.error == errc::start_failed);
    CHECK(a.reason == why);
  }
}

// INIT-06
TEST_CASE("a child that is not up within its start limit is killed and has failed with timeout") {
  scene s;
  s["a"] = {.then = start_as::hangs, .stop = stop_as::ignores};
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  auto adding = sup.start_child(s.child("a").with_start_limit(3s));
  const auto added = begin(adding.ready());
  s.clock.advance(2999ms);
  CHECK_FALSE(added->there);
  s.clock.advance(1ms);
  CHECK(added->error == errc::start_failed);
  CHECK(adding.failure() == exit_reason::timeout());
  CHECK(s.log() == "~a -a");
}

// INIT-07
TEST_CASE("a child without a start phase is up as soon as it is spawned") {
  scene s;
  const auto body = []() -> coroutine<> { co_await coppice::sleep_for(1h); };
  const auto sup = coppice::start_supervisor(
      s.io,
      supervisor_spec{.strategy = one_for_one,
                      .children = {coppice::worker("a", body), s.child("b")}});
  CHECK_FALSE(s.ask(sup.ready()).error);
  CHECK(s.count_of(sup) == "2 2 0 2");
}
