#include "support/scripted.hpp"

#include <coppice/partition_supervisor.hpp>
#include <coppice/process_info.hpp>
#include <coppice/task_supervisor.hpp>

#include <doctest/doctest.h>

#include <string>

using coppice::dynamic_supervisor_ref;
using coppice::dynamic_supervisor_spec;
using coppice::one_for_one;
using coppice::partition_supervisor_ref;
using coppice::supervisor_ref;
using coppice::supervisor_spec;
using coppice::temporary;

namespace {

struct plain_server {
  struct ask {
    using reply = int;
    ask() = default;
  };
  int handle(ask) { return 1; }
};
struct other_server : plain_server {};

coroutine<> sleeper() { co_await coppice::sleep_for(24h); }

// A worker with a name.
coroutine<> named() {
  coppice::register_name("worker");
  co_await coppice::sleep_for(24h);
}

}  // namespace

// API-20
TEST_CASE("a supervisor is found by its name again when it was restarted") {
  scene s;
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .intensity = 4,
      .children = {coppice::dynamic_supervisor({.name = "sessions"}),
                   coppice::supervisor({.name = "static", .strategy = one_for_one})}});
  const dynamic_supervisor_ref sessions{s.io, "sessions"};
  const supervisor_ref fixed{s.io, "static"};
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(s.start(sessions, s.child("a")).error);
    CHECK_FALSE(s.start(fixed, s.child("b")).error);
    CHECK(s.count_of(sessions) == "1 1 0 1");
    CHECK(s.children_of(fixed) == "b");
    coppice::kill(sessions.get_pid());
    coppice::kill(fixed.whereis());
    s.clock.settle();
  }
  CHECK(s.count_of(sessions) == "0 0 0 0");
  CHECK(sessions.alive());
}

// API-20
TEST_CASE("in a process a supervisor goes by its name alone, whether it lives yet or not") {
  scene s;
  std::string heard;
  const auto client = [&heard]() -> coroutine<> {
    const dynamic_supervisor_ref sessions{"sessions"};
    for (int i = 0; i < 2; ++i) {
      coppice::child_start starting =
          sessions.start_child(coppice::worker("a", sleeper).with_restart(temporary));
      try {
        const coppice::started_child child = co_await starting.ready();
        heard += coppice::info(child.process)->label;
      } catch (const boost::system::system_error& e) {
        heard += e.code().message() + ", ";
      }
      co_await coppice::sleep_for(1s);
    }
  };
  coppice::spawn(s.io, client);
  s.clock.settle();
  s.supervise(dynamic_supervisor_spec{.name = "sessions"});
  s.clock.advance(1s);
  CHECK(heard == "no such process, a");
}

// API-01
TEST_CASE("a supervisor may be found by a function, for each request anew") {
  scene s;
  const auto one =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto two =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("b")}});
  coppice::pid now = one.get_pid();
  const supervisor_ref found{coppice::process_ref{s.io, [&now] { return now; }}};
  CHECK(s.children_of(found) == "a");
  CHECK(found == one);
  now = two.get_pid();
  CHECK(s.children_of(found) == "b");
  CHECK(found == two);
}

TEST_CASE("a request asks for the name when it is made") {
  scene s;
  const supervisor_ref top{s.io, "top"};
  auto later = top.count_children();
  const auto stopping_later = [&top] { return top.stop(); };
  s.supervise(supervisor_spec{.name = "top", .strategy = one_for_one, .children = {s.child("a")}});
  CHECK(s.ask(std::move(later)).counts.active == 1);
  CHECK_FALSE(s.ask(stopping_later()).error);
  CHECK_FALSE(top.whereis());
  CHECK(s.ask(top.stop()).error == errc::noproc);
}

// API-20
TEST_CASE("a process that lives and is no supervisor of that kind is of the wrong type") {
  scene s;
  coppice::spawn(s.io, named);
  coppice::start_server<plain_server>(s.io, "server");
  s.supervise(supervisor_spec{.name = "static", .strategy = one_for_one});
  s.supervise(dynamic_supervisor_spec{.name = "dynamic"});
  for (const char* name : {"worker", "server"}) {
    const supervisor_ref sup{s.io, name};
    CHECK(s.ask(sup.which_children()).error == errc::wrong_type);
    CHECK(s.ask(sup.ready()).error == errc::wrong_type);
    CHECK(s.start(sup, s.child("a")).error == errc::wrong_type);
    CHECK(s.start(dynamic_supervisor_ref{s.io, name}, s.child("a")).error == errc::wrong_type);
  }
  CHECK(s.start(dynamic_supervisor_ref{s.io, "static"}, s.child("a")).error == errc::wrong_type);
  CHECK(s.ask(partition_supervisor_ref{s.io, "static"}.resize(1)).error == errc::wrong_type);
  CHECK(s.ask(supervisor_ref{s.io, "nobody"}.which_children()).error == errc::noproc);
  CHECK_FALSE(s.ask(supervisor_ref{s.io, "dynamic"}.which_children()).error);
}

TEST_CASE(
    "who has not run yet is asked, and is of the wrong type if it does not become a supervisor") {
  scene s;
  const coppice::pid worker = coppice::spawn(s.io, sleeper);
  const auto early = begin(supervisor_ref{worker}.which_children());
  CHECK_FALSE(early->there);
  s.clock.settle();
  CHECK(early->there);
  CHECK(early->error == errc::wrong_type);
  CHECK(worker.alive());
  const auto made = coppice::start_supervisor(s.io, supervisor_spec{.strategy = one_for_one});
  CHECK_FALSE(s.ask(made.which_children()).error);
}

// INIT-01
TEST_CASE("who is up without being a supervisor answers that to those who have asked meanwhile") {
  scene s;
  s["a"].then = start_as::hangs;
  s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  const auto early = begin(supervisor_ref{s.pid_of("a")}.which_children());
  s.clock.settle();
  CHECK_FALSE(early->there);
  s.comes_up("a");
  s.clock.settle();
  CHECK(early->error == errc::wrong_type);
}

// GS-34
TEST_CASE("a server of another class is of the wrong type, and so is what is no server") {
  scene s;
  coppice::spawn(s.io, named);
  const auto server = coppice::start_server<plain_server>(s.io, "server");
  s.clock.settle();
  const auto error_of = [&s](const auto& ref) {
    boost::system::error_code heard;
    ref.call(plain_server::ask{})([&heard](boost::system::error_code ec, int) { heard = ec; });
    s.clock.settle();
    return heard;
  };
  CHECK_FALSE(error_of(server));
  CHECK(error_of(coppice::server_ref<other_server>{s.io, "server"}) == errc::wrong_type);
  CHECK(error_of(coppice::server_ref<plain_server>{s.io, "worker"}) == errc::wrong_type);
  CHECK(error_of(coppice::server_ref<plain_server>{s.io, "nobody"}) == errc::noproc);
  coppice::kill(server.whereis());
  CHECK(error_of(server) == errc::noproc);
}
