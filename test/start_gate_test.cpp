#include "support/refusal.hpp"
#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

// BEY-03: children that are started when something else is ready.

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::ready_of;
using coppice::rest_for_one;
using coppice::supervisor_spec;

namespace {

// Somebody who takes a name, and gives it up when it is told to.
struct somebody {
  coroutine<> operator()() const {
    coppice::register_name(name);
    for (;;) co_await coppice::sleep_for(1000h);
  }
  std::string name;
};

struct gated : scene {
  coppice::supervisor_ref start_tree(coppice::strategy how = one_for_one) {
    auto tree = supervise(supervisor_spec{
        .name = "top",
        .strategy = how,
        .intensity = 0,
        .children = {child("a"), child("b").starts_when(ready_of("database")), child("c")}});
    CHECK(log() == "+a +c");
    return tree;
  }
  coppice::pid open() {
    const coppice::pid p = coppice::spawn(io, somebody{"database"});
    clock.settle();
    return p;
  }
  void close(const coppice::pid& p) {
    coppice::kill(p);
    clock.settle();
  }
};

}  // namespace

TEST_CASE("a child with a closed gate is passed over, and starts when its gate opens") {
  gated s;
  const auto top = s.start_tree();
  CHECK(std::count(s.reports.begin(), s.reports.end(),
                   "top: b waits for database before it is started") == 1);
  CHECK(s.children_of(top) == "a b(restarting) c");
  s.clock.advance(1h);
  CHECK(s.log().empty());
  s.open();
  CHECK(s.log() == "+b");
  const auto b = s.ask(top.which_child("b")).entry;
  CHECK(b.process.alive());
  CHECK(b.restarts == 0);
}

TEST_CASE("a child with an open gate starts in its turn") {
  scene s;
  coppice::spawn(s.io, somebody{"database"});
  s.clock.settle();
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"), s.child("b").starts_when(ready_of("database")), s.child("c")}});
  CHECK(s.log() == "+a +b +c");
}

TEST_CASE("a gate that closes while the child runs does nothing") {
  gated s;
  s.start_tree();
  const auto database = s.open();
  CHECK(s.log() == "+b");
  s.close(database);
  s.clock.advance(1h);
  CHECK(s.log().empty());
}

TEST_CASE("the restart of a child waits for its gate") {
  gated s;
  auto database = s.open();
  const auto top = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .intensity = 1,
      .children = {s.child("b").starts_when(ready_of("database"))}});
  CHECK(s.log() == "+b");
  s.close(database);
  s.crashes("b");
  CHECK(s.log() == "-b");
  CHECK(s.children_of(top) == "b(restarting)");
  database = s.open();
  CHECK(s.log() == "+b");
  CHECK(s.ask(top.which_child("b")).entry.restarts == 1);
}

TEST_CASE("a child of a group that is held back starts alone, and its siblings notice nothing") {
  gated s;
  coppice::strategy how = one_for_all;
  SUBCASE("one_for_all") {}
  SUBCASE("rest_for_one") { how = rest_for_one; }
  s.start_tree(how);
  s.open();
  CHECK(s.log() == "+b");
}

TEST_CASE("somebody who acknowledges its start opens the gate when it has, and not before") {
  scene s;
  s["database"].then = start_as::hangs;
  const auto top = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("b").starts_when(ready_of("database"))}});
  struct named {
    coroutine<> operator()(coppice::init_ack up) const {
      coppice::register_name("database");
      co_await coppice::sleep_for(10s);
      up.ready();
      co_await coppice::sleep_for(1000h);
    }
  };
  const auto other = s.supervise(coppice::dynamic_supervisor_spec{});
  auto adding = other.start_child(coppice::worker("database", named{}));
  const auto starting = begin(adding.ready());
  s.clock.advance(10s - 1ns);
  CHECK(s.log().empty());
  s.clock.advance(1ns);
  CHECK(s.log() == "+b");
  CHECK(starting->there);
}

TEST_CASE("a child starts when all its gates are open") {
  gated s;
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .children = {s.child("b")
                                               .starts_when(ready_of("database"))
                                               .starts_when(ready_of("cache"))}});
  const auto database = s.open();
  CHECK(s.log().empty());
  s.close(database);
  coppice::spawn(s.io, somebody{"cache"});
  CHECK(s.log().empty());
  s.open();
  CHECK(s.log() == "+b");
}

TEST_CASE("a child that is held back can be started, given up and forgotten") {
  gated s;
  const auto top = s.start_tree();
  SUBCASE("restart_child starts it in any case") {
    CHECK_FALSE(s.ask(top.restart_child("b")).error);
    CHECK(s.log() == "+b");
  }
  SUBCASE("terminate_child") {
    CHECK_FALSE(s.ask(top.terminate_child("b")).error);
    s.open();
    CHECK(s.log().empty());
  }
  SUBCASE("delete_child") {
    CHECK_FALSE(s.ask(top.delete_child("b")).error);
    s.open();
    CHECK(s.log().empty());
  }
  SUBCASE("the stop of the supervisor") {
    CHECK_FALSE(s.ask(top.stop()).error);
    CHECK(s.log() == "-c -a");
    s.open();
    CHECK(s.log().empty());
  }
}

TEST_CASE("a child that is added behind a closed gate is there, without a process") {
  gated s;
  const auto top = s.start_tree();
  const answer added = s.start(top, s.child("d").starts_when(ready_of("database")));
  CHECK_FALSE(added.error);
  CHECK_FALSE(added.started.process);
  CHECK(s.children_of(top) == "a b(restarting) c d(restarting)");
  s.open();
  CHECK(s.log() == "+b +d");
}

TEST_CASE("a temporary child that was held back and cannot start is gone") {
  gated s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  s["d"].then = start_as::fails;
  s.start(sup, s.child("d").with_restart(coppice::temporary).starts_when(ready_of("database")));
  CHECK(s.ask(sup.count_children()).counts.specs == 1);
  s.open();
  CHECK(s.log() == "!d");
  CHECK(s.ask(sup.count_children()).counts.specs == 0);
}

// Both are without a process, and so without a pid, when the supervisor looks for a pid.
TEST_CASE("of dynamic children that are held back, the one that is asked to end does so") {
  gated s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  s.start(sup, s.child("c"));
  s.start(sup, s.child("d").starts_when(ready_of("database")));
  s.start(sup, s.child("e").starts_when(ready_of("cache")));
  CHECK_FALSE(s.ask(sup.terminate_child(s.pid_of("c"))).error);
  coppice::spawn(s.io, somebody{"cache"});
  CHECK(s.log() == "+c -c +e");
  CHECK_FALSE(s.ask(sup.terminate_child(s.pid_of("e"))).error);
  CHECK(s.log() == "-e");
  s.open();
  CHECK(s.log() == "+d");
  CHECK_FALSE(s.ask(sup.terminate_child(s.pid_of("d"))).error);
  CHECK(s.log() == "-d");
}

TEST_CASE("a gate that opens and closes again before the turn of the supervisor lets nobody in") {
  gated s;
  s.start_tree();
  coppice::spawn(s.io, [] {
    coppice::register_name("database");
    coppice::unregister_name();
    return coppice::sleep_for(1h)(asio::use_awaitable);
  });
  CHECK(s.log().empty());
  s.open();
  CHECK(s.log() == "+b");
}

TEST_CASE("a gate that breaks a rule is refused where it is given") {
  const auto refusal_of = [](const char* name) {
    return refusal(coppice::worker("a", []() -> asio::awaitable<void> { co_return; })
                       .starts_when(ready_of(name)));
  };
  CHECK(refusal_of("b").empty());
  CHECK(refusal_of("") == "coppice: child \"a\": the name that it waits for must not be empty");
  CHECK(refusal_of("a") == "coppice: child \"a\": it must not wait for itself before it is started");
}
