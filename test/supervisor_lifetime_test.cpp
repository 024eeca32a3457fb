#include "support/coroutine.hpp"
#include "support/scripted.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

using coppice::infinity;
using coppice::one_for_all;
using coppice::one_for_one;
using coppice::supervisor_ref;
using coppice::supervisor_spec;
using coppice::transient;

namespace {

// The error of an operation, which is awaited as the calling process.
template <class Operation>
coroutine<> note_error(Operation operation, std::vector<boost::system::error_code>& to) {
  const auto result = co_await std::move(operation)(asio::as_tuple(use_coroutine));
  to.push_back(std::get<0>(result));
}

}  // namespace

// START-24, SHUT-22
TEST_CASE("exit signals of strangers do not stop a supervisor; only kill does") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  coppice::exit(sup.get_pid(), exit_reason::shutdown());
  coppice::spawn(s.io, [&]() -> coroutine<> {
    coppice::exit(sup.get_pid(), exit_reason::error("stop"));
    co_return;
  });
  CHECK(s.log() == "+a");
  coppice::kill(sup.get_pid());
  CHECK(s.log() == "-a");
}

// SHUT-22, SHUT-23
TEST_CASE("a linked supervisor ends when its parent does, for whatever reason, with that reason") {
  for (const exit_reason& why : {exit_reason::normal(), exit_reason::shutdown("so"),
                                 exit_reason::error("broken"), exit_reason::killed()}) {
    scene s;
    std::shared_ptr<answer> end;
    const coppice::pid parent = coppice::spawn(s.io, [&]() -> coroutine<> {
      const supervisor_ref sup = coppice::start_supervisor_link(
          supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
      end = end_of(sup.get_pid());
      co_await sup.ready();
      co_await coppice::sleep_for(1s);
      co_await coppice::exit(why);
    });
    CHECK(s.log() == "+a");
    if (why == exit_reason::killed()) coppice::kill(parent);
    s.clock.advance(1s);
    CHECK(s.log() == "-a");
    CHECK(end->there);
    CHECK(end->reason == why);
  }
}

// SHUT-22
TEST_CASE("an exit signal of its parent stops a linked supervisor, whatever the reason") {
  for (const exit_reason& why :
       {exit_reason::normal(), exit_reason::shutdown("go"), exit_reason::error("broken")}) {
    scene s;
    std::shared_ptr<answer> end;
    coppice::spawn(s.io, [&]() -> coroutine<> {
      const supervisor_ref sup = coppice::start_supervisor_link(
          supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
      end = end_of(sup.get_pid());
      co_await sup.ready();
      coppice::exit(sup.get_pid(), why);
      co_await coppice::sleep_for(1h);
    });
    CHECK(s.log() == "+a -a");
    CHECK(end->reason == why);
  }
}

// SHUT-23
TEST_CASE("a linked supervisor ends even if its parent has returned before it ran") {
  scene s;
  std::shared_ptr<answer> end;
  coppice::spawn(s.io, [&]() -> coroutine<> {
    end = end_of(coppice::start_supervisor_link(
                     supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}})
                     .get_pid());
    co_return;
  });
  s.clock.settle();
  CHECK(end->there);
  CHECK(end->reason.is_normal());
  CHECK(coppice::processes(s.io).empty());
}

// SHUT-23
TEST_CASE("the parent of a linked supervisor hears of its end") {
  scene s;
  const coppice::pid parent = coppice::spawn(s.io, [&]() -> coroutine<> {
    coppice::start_supervisor_link(
        supervisor_spec{.strategy = one_for_one, .intensity = 0, .children = {s.child("a")}});
    co_await coppice::sleep_for(1h);
  });
  const auto end = end_of(parent);
  s.clock.settle();
  s.crashes("a");
  s.clock.settle();
  CHECK(end->reason == exit_reason::shutdown());
}

// START-06, INIT-05
TEST_CASE("a starter who waits for a linked supervisor is told once that it does not come up") {
  using letter = coppice::exit_signal;
  for (const bool name_is_taken : {false, true}) {
    for (const bool traps : {false, true}) {
      scene s;
      s["a"].then = start_as::fails;
      if (name_is_taken) s.supervise(supervisor_spec{.name = "top", .strategy = one_for_one});
      std::vector<boost::system::error_code> errors;
      bool undisturbed = false;
      coppice::spawn(s.io, [&]() -> coroutine<> {
        coppice::mailbox<letter> box;
        if (traps) coppice::trap_exit(box);
        const supervisor_ref sup = coppice::start_supervisor_link(
            supervisor_spec{.name = "top", .strategy = one_for_one, .children = {s.child("a")}});
        co_await note_error(sup.ready(), errors);
        co_await coppice::sleep_for(1s);
        undisturbed = box.size() == 0 && coppice::info(coppice::self())->links.empty();
      });
      s.clock.advance(1s);
      CHECK(errors == std::vector<boost::system::error_code>{
                          name_is_taken ? errc::already_started : errc::start_failed});
      CHECK(undisturbed);
    }
  }
}

// INIT-05
TEST_CASE("a starter who does not wait for a linked supervisor hears of its failure by the link") {
  scene s;
  s["a"].then = start_as::fails;
  const coppice::pid starter = coppice::spawn(s.io, [&]() -> coroutine<> {
    coppice::start_supervisor_link(
        supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
    co_await coppice::sleep_for(1h);
  });
  const auto end = end_of(starter);
  s.clock.settle();
  CHECK(end->reason.is_shutdown());
  CHECK(end->reason.note().starts_with("failed to start child a ("));
}

TEST_CASE("start_supervisor_link is for processes only") {
  scene s;
  CHECK_THROWS_AS(coppice::start_supervisor_link(supervisor_spec{.strategy = one_for_one}),
                  std::logic_error);
}

// SHUT-25, API-20
TEST_CASE("requests that a supervisor does not come to any more fail with noproc") {
  for (const bool killed : {true, false}) {
    scene s;
    s["a"].stop = stop_as::ignores;
    const auto sup = s.supervise(
        supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_shutdown(1s)}});
    const auto stopped = begin(sup.stop());
    s.clock.settle();
    const auto listed = begin(sup.which_children());
    const auto counted = begin(sup.count_children());
    const auto restarted = begin(sup.restart_child("a"));
    auto adding = sup.start_child(s.child("b"));
    const auto added = begin(adding.ready());
    s.clock.settle();
    CHECK_FALSE(listed->there);
    if (killed) coppice::kill(sup.get_pid());
    s.clock.advance(1s);
    for (const auto& a : {listed, counted, restarted, added}) {
      CHECK(a->there);
      CHECK(a->error == errc::noproc);
    }
    CHECK(s.log() == "+a *a -a");
  }
}

// API-20
TEST_CASE("every call to a supervisor that has ended fails with noproc") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto dynamic = s.supervise(coppice::dynamic_supervisor_spec{});
  s.ask(sup.stop());
  s.ask(dynamic.stop());
  CHECK(s.ask(sup.ready()).error == errc::noproc);
  CHECK(s.ask(sup.stop()).error == errc::noproc);
  CHECK(s.ask(sup.which_children()).error == errc::noproc);
  CHECK(s.ask(sup.count_children()).error == errc::noproc);
  CHECK(s.ask(sup.terminate_child("a")).error == errc::noproc);
  CHECK(s.ask(sup.restart_child("a")).error == errc::noproc);
  CHECK(s.ask(sup.delete_child("a")).error == errc::noproc);
  CHECK(s.ask(sup.get_child_spec("a")).error == errc::noproc);
  CHECK(s.start(sup, s.child("b")).error == errc::noproc);
  CHECK(s.start(dynamic, s.child("b")).error == errc::noproc);
  CHECK(s.ask(dynamic.terminate_child(sup.get_pid())).error == errc::noproc);
}

// SHUT-13, SHUT-25
TEST_CASE(
    "a supervisor that is killed while it has something to do takes its subtree down all the "
    "same") {
  scene s;
  const auto top = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {coppice::supervisor(
          {.name = "inner",
           .strategy = one_for_one,
           .children = {s.child("a"),
                        coppice::supervisor({.name = "leaf",
                                             .strategy = one_for_one,
                                             .children = {s.child("b"), s.child("c")}})}})}});
  CHECK(s.log() == "+a +b +c");
  const supervisor_ref inner{coppice::whereis(s.io, "inner")};
  const auto listed = begin(inner.which_children());
  coppice::kill(inner.get_pid());
  const std::string log = s.log();
  CHECK(log.ends_with(" +a +b +c"));
  CHECK(listed->error == errc::noproc);
  CHECK(s.children_of(top) == "inner");
}

// SHUT-27
TEST_CASE("stopping a supervisor from within its own subtree is refused") {
  scene s;
  std::vector<boost::system::error_code> errors;
  supervisor_ref top;
  const auto body = [&]() -> coroutine<> {
    co_await coppice::sleep_for(1s);
    co_await note_error(top.stop(), errors);
    co_await coppice::sleep_for(1h);
  };
  top = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {coppice::supervisor({.name = "inner",
                                        .strategy = one_for_one,
                                        .children = {coppice::worker("a", body)}})}});
  s.clock.advance(1s);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == errc::would_deadlock);
  CHECK(top.alive());
}

// API-23
TEST_CASE("a child that asks its own supervisor while that waits for its start is refused") {
  scene s;
  std::vector<boost::system::error_code> errors;
  const auto body = [&](coppice::init_ack up) -> coroutine<> {
    const supervisor_ref top{coppice::whereis("top")};
    auto adding = top.start_child(s.child("b"));
    co_await note_error(adding.ready(), errors);
    co_await note_error(top.terminate_child("a"), errors);
    up.ready();
    co_await coppice::sleep_for(1h);
  };
  const auto sup = s.supervise(supervisor_spec{
      .name = "top",
      .strategy = one_for_one,
      .children = {coppice::supervisor(
          {.name = "inner", .strategy = one_for_one, .children = {coppice::worker("a", body)}})}});
  CHECK(errors == std::vector<boost::system::error_code>(2, errc::would_deadlock));
  CHECK(s.children_of(sup) == "inner");
}

// API-23, SHUT-27
TEST_CASE("a child that asks its own supervisor while that waits for its end is refused") {
  scene s;
  std::vector<boost::system::error_code> errors;
  const auto body = [&]() -> coroutine<> {
    auto [ec] = co_await coppice::sleep_for(1h)(asio::as_tuple(use_coroutine));
    co_await note_error(supervisor_ref{coppice::whereis("top")}.terminate_child("b"), errors);
    throw boost::system::system_error{ec};
  };
  const auto sup = s.supervise(supervisor_spec{
      .name = "top",
      .strategy = one_for_one,
      .children = {s.child("b"), coppice::worker("a", body).with_shutdown(infinity)}});
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(errors == std::vector<boost::system::error_code>(1, errc::would_deadlock));
}

// API-22
TEST_CASE("a running child may ask its own supervisor, even to be terminated") {
  scene s;
  std::vector<boost::system::error_code> errors;
  const auto body = [&]() -> coroutine<> {
    const supervisor_ref top{coppice::whereis("top")};
    auto adding = top.start_child(s.child("b"));
    co_await adding.ready();
    co_await note_error(top.terminate_child("a"), errors);
  };
  const auto sup = s.supervise(supervisor_spec{
      .name = "top", .strategy = one_for_one, .children = {coppice::worker("a", body)}});
  CHECK(s.children_of(sup) == "a(none) b");
  CHECK(errors == std::vector<boost::system::error_code>(1, asio::error::operation_aborted));
}

// START-21
TEST_CASE("a supervisor that is stopped waits for a start that hangs as long as for a stop") {
  scene s;
  s["b"] = {.then = start_as::hangs};
  const auto sup = coppice::start_supervisor(
      s.io,
      supervisor_spec{.strategy = one_for_one,
                      .children = {s.child("a"), s.child("b").with_shutdown(2s), s.child("c")}});
  const auto up = begin(sup.ready());
  CHECK(s.log() == "+a ~b");
  const auto stopped = begin(sup.stop());
  s.clock.advance(2s - 1ns);
  CHECK_FALSE(stopped->there);
  CHECK(s.log().empty());
  s.clock.advance(1ns);
  CHECK(stopped->there);
  CHECK_FALSE(stopped->error);
  CHECK(s.log() == "-b -a");
  CHECK(up->error == errc::start_failed);
  CHECK(coppice::processes(s.io).empty());
}

// SHUT-26
TEST_CASE("a supervisor is stopped before it has run") {
  scene s;
  const auto sup = coppice::start_supervisor(
      s.io, supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto up = begin(sup.ready());
  const auto stopped = begin(sup.stop());
  CHECK(s.log().empty());
  CHECK_FALSE(stopped->error);
  CHECK(up->error == errc::noproc);
}

TEST_CASE("the io_context may be destroyed in whatever phase a supervisor is") {
  using step = std::function<void(scene&, supervisor_ref)>;
  const std::vector<step> phases{
      [](scene&, supervisor_ref) {},  // not run at all
      [](scene& s, supervisor_ref) { s.clock.settle(); },
      [](scene& s, supervisor_ref sup) {  // starting
        s["b"].then = start_as::hangs;
        begin(sup.ready());
        s.clock.settle();
      },
      [](scene& s, supervisor_ref) {  // restarting
        s.clock.settle();
        s["b"].then = start_as::hangs;
        s.crashes("b");
        s.clock.settle();
      },
      [](scene& s, supervisor_ref) {  // stopping a group
        s["c"].stop = stop_as::ignores;
        s.clock.settle();
        s.crashes("a");
        s.clock.settle();
      },
      [](scene& s, supervisor_ref sup) {  // stopping
        s["b"].stop = stop_as::ignores;
        s.clock.settle();
        begin(sup.stop());
        s.clock.settle();
      },
      [](scene& s, supervisor_ref sup) {  // terminating a child, calls waiting behind it
        s["b"].stop = stop_as::ignores;
        s.clock.settle();
        begin(sup.terminate_child("b"));
        begin(sup.which_children());
        auto adding = sup.start_child(s.child("x"));
        begin(adding.ready());
        s.clock.settle();
      },
      [](scene& s, supervisor_ref sup) {  // a call made, not looked at yet
        s.clock.settle();
        begin(sup.terminate_child("b"));
      },
      [](scene& s, supervisor_ref sup) {  // killed with a call to answer, not yet taken down
        s.clock.settle();
        begin(sup.which_children());
        coppice::kill(sup.get_pid());
        s.io.restart();
        s.io.poll_one();
      },
      [](scene& s, supervisor_ref sup) {  // killed, not yet taken down
        s.clock.settle();
        coppice::kill(sup.get_pid());
      },
      [](scene& s, supervisor_ref) {  // deaths not heard of yet
        s.clock.settle();
        for (const char* name : {"a", "b", "c"}) coppice::kill(s.pid_of(name));
      },
      [](scene& s, supervisor_ref sup) {  // awaited by a process that never hears of it
        s.clock.settle();
        s["b"].stop = stop_as::ignores;
        coppice::spawn(s.io, [sup]() -> coroutine<> { co_await sup.stop(); });
        s.clock.settle();
      },
  };
  for (const auto how : {one_for_one, one_for_all}) {
    for (const step& phase : phases) {
      {
        scene s;
        phase(s, coppice::start_supervisor(
                     s.io, supervisor_spec{
                               .strategy = how,
                               .children = {s.child("a"), s.child("b").with_shutdown(infinity),
                                            s.child("c").with_shutdown(infinity)}}));
      }
    }
  }
}

TEST_CASE("the io_context may be destroyed under a dynamic supervisor that stops its children") {
  for (const bool under_way : {false, true}) {
    scene s;
    const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
    s["a"].stop = stop_as::ignores;
    s.start(sup, s.child("a"));
    s.start(sup, s.child("b"));
    begin(sup.stop());
    if (under_way) s.clock.settle();
  }
}
