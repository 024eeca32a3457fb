#include "support/scripted.hpp"

#include <coppice/task_supervisor.hpp>

#include <coppice/report_fields.hpp>
#include <coppice/report_sink.hpp>

#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using coppice::dynamic_supervisor_ref;
using coppice::dynamic_supervisor_spec;
using coppice::one_for_one;
using coppice::supervisor_ref;
using coppice::supervisor_spec;
using coppice::temporary;

using lines = std::vector<std::string>;

namespace {

coroutine<> sleeper() { co_await coppice::sleep_for(24h); }

coppice::child_spec connection() {
  return coppice::worker("connection", sleeper).with_restart(temporary);
}

const std::string too_many =
    "pool: connection was not started: the supervisor has as many children as its max_children "
    "allows";

// A supervisor that has no room.
dynamic_supervisor_ref full(scene& s) {
  return s.supervise(dynamic_supervisor_spec{.name = "pool", .max_children = 0});
}

}  // namespace

// DYN-04
TEST_CASE("a refused start whose answer nobody keeps is reported") {
  scene s;
  const auto pool = full(s);
  pool.start_child(connection());
  s.clock.settle();
  CHECK(s.reports == lines{too_many});
}

TEST_CASE("a refused start is reported when the last one who could have read the answer is gone") {
  scene s;
  const auto pool = full(s);
  std::optional<coppice::child_start> kept = pool.start_child(connection());
  std::optional<coppice::child_start> copy = kept;
  s.clock.settle();
  kept.reset();
  CHECK(s.reports.empty());
  copy.reset();
  CHECK(s.reports == lines{too_many});
}

TEST_CASE("a refused start whose answer was awaited is not reported") {
  scene s;
  const auto pool = full(s);
  CHECK(s.start(pool, connection()).error == errc::max_children);
  static_cast<void>(pool.start_child(connection()).failure());  // looks before there is an answer
  s.clock.settle();
  CHECK(s.reports == lines{too_many});
  s.reports.clear();
  {
    coppice::child_start starting = pool.start_child(connection());
    starting.ready()(asio::detached);
  }
  s.clock.settle();
  CHECK(s.reports.empty());
}

TEST_CASE("a refused start is reported if whoever awaits the answer is killed before it comes") {
  scene s;
  s["slow"].then = start_as::hangs;
  const auto top = s.supervise(supervisor_spec{.name = "top", .strategy = one_for_one});
  begin(top.count_children());
  auto slow = top.start_child(s.child("slow"));
  const auto client = [top]() -> coroutine<> {
    coppice::child_start starting = top.start_child(coppice::worker("slow", sleeper));
    co_await starting.ready();
  };
  const coppice::pid waits = coppice::spawn(s.io, client);
  s.clock.settle();
  coppice::kill(waits);
  s.clock.settle();
  s.comes_up("slow");
  s.clock.settle();
  CHECK(s.reports == lines{"top: slow " + s.pid_of("slow").to_string() + " started",
                           "top: slow was not started: it runs already, or the name is taken"});
}

// API-02, API-03, API-20
TEST_CASE("whatever a start is refused for is reported, with supervisor and child") {
  scene s;
  const auto top = s.supervise(
      supervisor_spec{.name = "top", .strategy = one_for_one, .children = {s.child("a")}});
  s.reports.clear();
  const auto told = [&s] {
    s.clock.settle();
    return std::exchange(s.reports, {});
  };
  top.start_child(s.child("a"));
  CHECK(told() == lines{"top: a was not started: it runs already, or the name is taken"});
  CHECK_FALSE(s.ask(top.terminate_child("a")).error);
  top.start_child(s.child("a"));
  CHECK(told() == lines{"top: a was not started: a child of that id is present"});
  coppice::simple_one_for_one_ref<int>{top}.start_child(1);
  CHECK(told() == lines{"top: a child was not started: the child did not start (error: only "
                        "a simple_one_for_one supervisor has a template)"});
  dynamic_supervisor_ref{s.io, "top"}.start_child(connection());
  CHECK(told() ==
        lines{"top: connection was not started: the process is no supervisor or server of "
              "that type"});
  dynamic_supervisor_ref{s.io, "nobody"}.start_child(connection());
  CHECK(told() == lines{"nobody: connection was not started: no such process"});
  const coppice::pid worker = coppice::spawn(s.io, sleeper);
  dynamic_supervisor_ref{worker}.start_child(connection());
  CHECK(told() == lines{worker.to_string() + ": connection was not started: the process is no "
                                             "supervisor or server of that type"});
}

// START-17
TEST_CASE("a child that has tried to start and failed is reported once") {
  scene s;
  s["a"].then = start_as::throws;
  const auto top = s.supervise(supervisor_spec{.name = "top", .strategy = one_for_one});
  top.start_child(s.child("a"));
  s.clock.settle();
  CHECK(s.reports == lines{"top: a <2> failed to start (std::runtime_error: no start)"});
}

TEST_CASE(
    "a start that was asked for and comes to nothing because its supervisor ends is reported") {
  scene s;
  s["slow"].then = start_as::hangs;
  const auto top = s.supervise(supervisor_spec{.name = "top", .strategy = one_for_one});
  auto slow = top.start_child(s.child("slow"));
  s.clock.settle();
  top.start_child(s.child("late"));
  coppice::kill(top.get_pid());
  s.clock.settle();
  CHECK(s.reports == lines{"top: late was not started: no such process"});
  // Who was starting is told of too, once nobody can hear the answer.
  s.reports.clear();
  { const auto gone = std::move(slow); }
  CHECK(s.reports == lines{"top: slow was not started: no such process"});
}

TEST_CASE("the report of a refused start tells the child's policy, and is an error") {
  scene s;
  std::vector<coppice::report_field> fields;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (std::holds_alternative<coppice::child_refused>(r)) fields = fields_of(r);
  });
  const auto pool = full(s);
  pool.start_child(connection());
  s.clock.settle();
  CHECK(fields ==
        std::vector<coppice::report_field>{
            {"kind", "child_refused"},
            {"severity", "error"},
            {"supervisor", "pool"},
            {"supervisor_process", pool.get_pid().to_string()},
            {"child", "connection"},
            {"restarts", "0"},
            {"restart", "temporary"},
            {"significant", "no"},
            {"shutdown", "5 s"},
            {"type", "worker"},
            {"error", "the supervisor has as many children as its max_children allows"}});
}

TEST_CASE("an answer that outlives its io_context is dropped in silence") {
  std::optional<coppice::child_start> kept;
  {
    scene s;
    const auto pool = full(s);
    kept = pool.start_child(connection());
    s.clock.settle();
  }
  kept.reset();
}

// TSUP-03, TSUP-04
TEST_CASE("a refused task is reported if nobody waits for it, and only then") {
  scene s;
  const auto tasks =
      coppice::start_task_supervisor(s.io, {.name = "tasks", .max_children = 0});
  s.clock.settle();
  std::string heard;
  const auto client = [&heard, tasks]() -> coroutine<> {
    const auto task = []() -> asio::awaitable<int> { co_return 1; };
    tasks.start_child(task, {.label = "first"});
    { auto dropped = tasks.async_nolink(task, {.label = "second"}); }
    auto awaited = tasks.async_nolink(task, {.label = "third"});
    const auto result = co_await awaited.yield();
    heard = result->error().to_string();
    auto ignored = tasks.async_nolink(task, {.label = "fourth"});
    ignored.ignore();
    co_await coppice::sleep_for(1s);
  };
  coppice::spawn(s.io, client);
  s.clock.advance(2s);
  CHECK_FALSE(heard.empty());
  const std::string why =
      " was not started: the supervisor has as many children as its max_children allows";
  CHECK(s.reports == lines{"tasks: first" + why, "tasks: second" + why});
}
