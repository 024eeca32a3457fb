#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <any>
#include <stdexcept>
#include <string>

using coppice::dynamic_supervisor_spec;
using coppice::one_for_one;
using coppice::permanent;
using coppice::simple_one_for_one;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

template <class Spec>
concept has_strategy = requires(Spec s) { s.strategy; };
template <class Spec>
concept has_auto_shutdown = requires(Spec s) { s.auto_shutdown; };

}  // namespace

// ST-19, AUTO-04
TEST_CASE("a dynamic supervisor has no strategy and no automatic shutdown to be given") {
  static_assert(has_strategy<supervisor_spec> && has_auto_shutdown<supervisor_spec>);
  static_assert(!has_strategy<dynamic_supervisor_spec> &&
                !has_auto_shutdown<dynamic_supervisor_spec>);
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s.start(sup, s.child("a"));
  s.start(sup, s.child("b"));
  s.crashes("a");
  CHECK(s.log() == "+a +b -a +a");
}

// DYN-01
TEST_CASE("a dynamic supervisor starts empty, with the defaults of every supervisor and no cap") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  CHECK_FALSE(s.ask(sup.ready()).error);
  CHECK(s.count_of(sup) == "0 0 0 0");
  CHECK(dynamic_supervisor_spec{}.max_children == static_cast<std::size_t>(-1));
}

// DYN-02, DYN-10
TEST_CASE("children of different kinds live side by side, each by its own spec") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s.start(sup, s.child("a"));
  s.start(sup, s.child("b").with_restart(transient));
  s.start(sup, s.child("c").with_restart(temporary));
  s.start(sup, coppice::supervisor({.name = "inner", .strategy = one_for_one}));
  CHECK(s.count_of(sup) == "4 4 1 3");
  CHECK(s.log() == "+a +b +c");
  for (const char* name : {"a", "b", "c"}) s.returns(name);
  CHECK(s.log() == "-a -b -c +a");
  CHECK(s.count_of(sup) == "2 2 1 1");
}

// DYN-03
TEST_CASE("ids of dynamic children mean nothing and may repeat") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  CHECK_FALSE(s.start(sup, s.child("a").with_id("same")).error);
  CHECK_FALSE(s.start(sup, s.child("b").with_id("same")).error);
  CHECK_FALSE(s.start(sup, s.child("c").with_id("")).error);
  CHECK(s.log() == "+a +b +c");
  CHECK_FALSE(s.ask(sup.terminate_child(s.pid_of("b"))).error);
  CHECK(s.log() == "-b");
}

// DYN-04
TEST_CASE("more children than the cap allows are refused, and are not started") {
  scene s;
  const auto none = s.supervise(dynamic_supervisor_spec{.max_children = 0});
  CHECK(s.start(none, s.child("a")).error == errc::max_children);
  const auto one = s.supervise(dynamic_supervisor_spec{.max_children = 1});
  CHECK_FALSE(s.start(one, s.child("b")).error);
  CHECK(s.start(one, s.child("c")).error == errc::max_children);
  CHECK(s.log() == "+b");
  s.ask(one.terminate_child(s.pid_of("b")));
  CHECK_FALSE(s.start(one, s.child("c")).error);
}

// DYN-04, DYN-07
TEST_CASE("what did not start takes no place under the cap") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{.max_children = 1});
  s["a"].starts = {start_as::fails, start_as::ignores, start_as::up};
  CHECK(s.start(sup, s.child("a")).error == errc::start_failed);
  CHECK_FALSE(s.start(sup, s.child("a")).error);
  CHECK_FALSE(s.start(sup, s.child("a")).error);
  CHECK(s.log() == "!a ?a +a");
}

// RR-15
TEST_CASE("a restarting child keeps its place under the cap") {
  scene s;
  s["a"] = {.starts = {start_as::up}, .then = start_as::hangs};
  const auto sup = s.supervise(dynamic_supervisor_spec{.max_children = 1});
  s.start(sup, s.child("a").with_start_limit(1s));
  s.crashes("a");
  CHECK(s.log() == "+a -a ~a");
  // Served while a is restarting: behind the first try and before the second.
  auto adding = sup.start_child(s.child("b"));
  const auto added = begin(adding.ready());
  s.clock.advance(1s);
  CHECK(added->error == errc::max_children);
}

// DYN-05, ST-13
TEST_CASE("arguments that all children share are captured by the start function") {
  scene s;
  std::string log;
  const auto greet = [&log](const std::string& word, std::string name) -> asio::awaitable<void> {
    log += word + " " + name + ";";
    co_await coppice::sleep_for(1h);
  };
  const auto sup = s.supervise(supervisor_spec{
      .strategy = simple_one_for_one,
      .children = {coppice::template_worker<std::string>(
          "t", [&, word = std::string{"hello"}](std::string name) { return greet(word, name); })}});
  const answer a = s.start(sup, "anna");
  s.start(sup, "bert");
  coppice::kill(a.started.process);
  s.clock.settle();
  CHECK(log == "hello anna;hello bert;hello anna;");
}

// ST-13
TEST_CASE("an argument of another type than the template takes is a failed start") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast()}});
  auto adding = coppice::simple_one_for_one_ref<int>{sup}.start_child(42);
  CHECK(s.ask(adding.ready()).error == errc::start_failed);
  CHECK(adding.failure().exception_type() != nullptr);
  auto adding_nothing = coppice::simple_one_for_one_ref<>{sup}.start_child();
  CHECK(s.ask(adding_nothing.ready()).error == errc::start_failed);
  const auto other = s.supervise(supervisor_spec{.strategy = one_for_one});
  CHECK(s.start(other, "x").error == errc::start_failed);
}

// DYN-06
TEST_CASE("a bad spec is refused where it is given, even without any supervisor") {
  scene s;
  const coppice::dynamic_supervisor_ref nobody{};
  CHECK_THROWS_AS(nobody.start_child({.id = "a"}), std::invalid_argument);
  CHECK_THROWS_AS(nobody.start_child(s.child("a").with_shutdown(-1s)), std::invalid_argument);
}

// DYN-07, START-07
TEST_CASE("the result of a start is passed on as it is") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s["a"].info = 42;
  s["b"].then = start_as::throws;
  const answer a = s.start(sup, s.child("a"));
  CHECK(a.started.process == s.pid_of("a"));
  CHECK(a.started.info_as<int>() == 42);
  CHECK(s.start(sup, s.child("b")).reason.what() == "no start");
  CHECK(s.count_of(sup) == "1 1 0 1");
}

// DYN-08
TEST_CASE("terminating what is not a present child answers not_found") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s.start(sup, s.child("a").with_restart(temporary));
  s.start(sup, s.child("b"));
  const coppice::pid a = s.pid_of("a");
  const coppice::pid b = s.pid_of("b");
  CHECK_FALSE(s.ask(sup.terminate_child(b)).error);
  CHECK(s.ask(sup.terminate_child(b)).error == errc::not_found);
  s.returns("a");
  CHECK(s.ask(sup.terminate_child(a)).error == errc::not_found);
  CHECK(s.ask(sup.terminate_child(sup.get_pid())).error == errc::not_found);
}

// DYN-09
TEST_CASE("a child that ended for good leaves no trace") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s.start(sup, s.child("a").with_restart(transient));
  s.start(sup, s.child("b").with_restart(temporary));
  s.returns("a");
  s.crashes("b");
  CHECK(s.ask(sup.which_children()).listing.empty());
  CHECK(s.count_of(sup) == "0 0 0 0");
}

// DYN-02, PROC-24
TEST_CASE("the id of a dynamic child is its label, which others may have too") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{.name = "pool"});
  const auto body = []() -> asio::awaitable<void> { co_await coppice::sleep_for(1h); };
  const auto fails = []() -> asio::awaitable<void> { throw std::runtime_error{"boom"}; };
  for (const char* id :
       {"connection", "connection", "", "a label of more than fifteen characters"}) {
    const answer a = s.start(sup, {.id = id, .start = body, .restart = coppice::temporary});
    REQUIRE_FALSE(a.error);
    CHECK(coppice::info(a.started.process)->label == id);
    CHECK(s.ask(sup.which_child(a.started.process)).entry.id == id);
  }
  CHECK(s.children_of(sup) == "connection connection  a label of more than fifteen characters");
  s.reports.clear();
  s.start(sup, {.id = "connection", .start = fails, .restart = coppice::temporary});
  CHECK(s.reports ==
        std::vector<std::string>{"pool: connection <6> started",
                                 "pool: connection <6> ended (std::runtime_error: boom)"});
}

// DYN-11, RR-13
TEST_CASE("dynamic children are listed by pid, the new one after a restart") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s.start(sup, s.child("a"));
  const coppice::pid old = s.pid_of("a");
  s.crashes("a");
  const answer a = s.ask(sup.which_children());
  REQUIRE(a.listing.size() == 1);
  CHECK(a.listing[0].id == "a");
  CHECK(a.listing[0].process == s.pid_of("a"));
  CHECK(s.ask(sup.terminate_child(old)).error == errc::not_found);
}

// DYN-10, DYN-11, RR-14
TEST_CASE("a restarting dynamic child is listed and counted, but not as active") {
  scene s;
  s["a"] = {.starts = {start_as::up}, .then = start_as::hangs};
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  s.start(sup, s.child("a").with_start_limit(1s));
  s.crashes("a");
  CHECK(s.log() == "+a -a ~a");
  // Served between the try that hangs now and the next.
  const auto listed = begin(sup.which_children());
  const auto counted = begin(sup.count_children());
  s.clock.advance(1s);
  REQUIRE(listed->listing.size() == 1);
  CHECK(listed->listing[0].restarting);
  CHECK_FALSE(listed->listing[0].process);
  CHECK(counted->counts.specs == 1);
  CHECK(counted->counts.active == 0);
  CHECK(counted->counts.workers == 1);
}

// DYN-15
TEST_CASE("while a dynamic child starts, its supervisor does nothing else") {
  scene s;
  s["a"].then = start_as::hangs;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  auto first = sup.start_child(s.child("a"));
  auto second = sup.start_child(s.child("b"));
  const auto a = begin(first.ready());
  const auto b = begin(second.ready());
  s.clock.advance(1h);
  CHECK(s.log() == "~a");
  s.comes_up("a");
  CHECK(s.log() == "+a +b");
  CHECK(a->there);
  CHECK(b->there);
}

// DYN-12
TEST_CASE("a dynamic supervisor can be named, and stopped") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{.name = "pool"});
  CHECK(coppice::whereis(s.io, "pool") == sup.get_pid());
  s.start(sup, s.child("a"));
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK_FALSE(coppice::whereis(s.io, "pool"));
  CHECK(s.log() == "+a -a");
}

// DYN-12
TEST_CASE("a dynamic supervisor that is linked to its starter ends with it") {
  scene s;
  coppice::dynamic_supervisor_ref sup;
  coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    sup = coppice::start_supervisor_link(dynamic_supervisor_spec{});
    co_await coppice::sleep_for(1s);
  });
  s.clock.settle();
  s.start(sup, s.child("a"));
  CHECK(s.log() == "+a");
  s.clock.advance(1s);
  CHECK(s.log() == "-a");
  CHECK_FALSE(sup.alive());
}

// DYN-13
TEST_CASE("a failing restart of a dynamic child is retried, and each try counts") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  s["b"] = {.starts = {start_as::up}, .then = start_as::fails};
  const auto sup = s.supervise(dynamic_supervisor_spec{.intensity = 3, .period = 5s});
  s.start(sup, s.child("a"));
  s.start(sup, s.child("b"));
  s.crashes("a");
  CHECK(s.log() == "+a +b -a !a +a");
  s.crashes("b");
  CHECK(s.log() == "-b !b -a");
  CHECK_FALSE(sup.alive());
}

// DYN-13, INT-01
TEST_CASE("a dynamic supervisor gives up as any other") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{.intensity = 1, .period = 5s});
  const auto end = end_of(sup.get_pid());
  s.start(sup, s.child("a"));
  s.crashes("a");
  s.clock.settle();
  s.crashes("a");
  s.clock.settle();
  CHECK(end->reason == exit_reason::shutdown());
}

// START-25, ST-15
TEST_CASE("a dynamic supervisor that is restarted is empty") {
  scene s;
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .children = {coppice::dynamic_supervisor({.name = "pool"})}});
  const coppice::dynamic_supervisor_ref pool{coppice::whereis(s.io, "pool")};
  s.start(pool, s.child("a"));
  coppice::kill(pool.get_pid());
  CHECK(s.log() == "+a -a");
  const coppice::dynamic_supervisor_ref again{coppice::whereis(s.io, "pool")};
  CHECK(again.alive());
  CHECK(s.count_of(again) == "0 0 0 0");
}

TEST_CASE("children that acknowledge nothing come and go as the others do") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{.name = "pool", .max_children = 2});
  const auto short_lived = [](std::chrono::seconds life) {
    return coppice::worker("short", [life]() -> coroutine<> { co_await coppice::sleep_for(life); })
        .with_restart(temporary);
  };
  s.reports.clear();
  CHECK(s.start(sup, short_lived(1s)).started.process.alive());
  const coppice::pid second = s.start(sup, short_lived(5s)).started.process;
  CHECK(s.start(sup, short_lived(1s)).error == errc::max_children);
  CHECK(s.count_of(sup) == "2 2 0 2");
  s.clock.advance(1s);
  CHECK(s.count_of(sup) == "1 1 0 1");
  // The children are found by their pids, from the first time that one is looked for.
  CHECK_FALSE(s.ask(sup.terminate_child(second)).error);
  CHECK(s.ask(sup.terminate_child(second)).error == errc::not_found);
  const coppice::pid third = s.start(sup, short_lived(5s)).started.process;
  CHECK_FALSE(s.ask(sup.terminate_child(third)).error);
  CHECK(s.count_of(sup) == "0 0 0 0");
}

TEST_CASE("a child that is started from within a process runs once that waits") {
  scene s;
  const auto sup = s.supervise(dynamic_supervisor_spec{});
  std::string log;
  const auto starter = [&]() -> coroutine<> {
    auto adding = sup.start_child(coppice::worker("a", [&]() -> coroutine<> {
                                    log += "a ";
                                    co_return;
                                  }).with_restart(temporary));
    log += "asked ";
    co_await coppice::yield();
    const coppice::started_child child = co_await adding.ready();
    log += child.process.alive() ? "up" : "gone";
  };
  coppice::spawn(s.io, starter);
  s.clock.settle();
  CHECK(log == "asked a gone");
}

TEST_CASE("a report sink may kill the supervisor that starts a child, or has lost one") {
  for (const bool at_start : {true, false}) {
    CAPTURE(at_start);
    scene s;
    const auto sup = s.supervise(dynamic_supervisor_spec{});
    int runs = 0;
    const auto body = [&]() -> coroutine<> {
      ++runs;
      co_return;
    };
    coppice::set_report_sink(s.io, [&](const coppice::report& r) {
      const bool now = at_start ? std::holds_alternative<coppice::child_starting>(r)
                                : std::holds_alternative<coppice::child_ended>(r);
      if (now) coppice::kill(sup.get_pid());
    });
    const auto a = s.start(sup, coppice::worker("a", body).with_restart(temporary));
    CHECK(a.error == (at_start ? make_error_code(errc::noproc) : boost::system::error_code{}));
    s.clock.settle();
    CHECK(runs == (at_start ? 0 : 1));
    CHECK_FALSE(sup.get_pid().alive());
    CHECK(coppice::processes(s.io).empty());
  }
}

// ST-18
TEST_CASE("ten thousand dynamic children may crash at once, and be gone") {
  scene s;
  coppice::set_report_sink(s.io, {});
  const auto sup = s.supervise(dynamic_supervisor_spec{.intensity = 0});
  const auto body = []() -> asio::awaitable<void> {
    co_await coppice::sleep_for(1s);
    throw std::runtime_error{"boom"};
  };
  const coppice::child_spec spec = coppice::worker("w", body).with_restart(temporary);
  for (int i = 0; i < 10'000; ++i) sup.start_child(spec);
  CHECK(s.count_of(sup) == "10000 10000 0 10000");
  s.clock.advance(1s);
  CHECK(s.count_of(sup) == "0 0 0 0");
}
