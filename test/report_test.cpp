#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <unistd.h>
#include <memory>
#include <optional>
#include <ostream>
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
    case next_step::drop: return "drop";
    case next_step::park: return "park";
  }
  return "?";
}

using texts = std::vector<std::string>;

asio::awaitable<void> end_with(exit_reason reason) {
  co_await coppice::exit(reason);
}

// Says nothing about itself, nor about what it is asked.
class secretive {
 public:
  struct question {
    friend std::ostream& operator<<(std::ostream&, const question&) {
      throw std::runtime_error{"not a word"};
    }
  };
  void handle(question) { throw std::runtime_error{"no answer"}; }
  friend std::string describe(const secretive&) { throw 13; }
};

template <class T>
struct page {};

struct stillborn {
  stillborn() { throw std::runtime_error{"no life"}; }
  struct question {};
  void handle(question) {}
};

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
  s.supervise(
      supervisor_spec{.strategy = one_for_one,
                      .intensity = 2,
                      .period = 5s,
                      .auto_shutdown = coppice::auto_shutdown::any_significant,
                      .children = {s.child("a"), s.child("b").with_restart(transient),
                                   s.child("c").with_restart(temporary),
                                   s.child("d").with_restart(transient).with_significant()}});
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
TEST_CASE(
    "the expected end of a child that is not permanent is no alarm; that of a permanent one is") {
  const auto alarming = [](coppice::restart when, bool crashes) {
    scene s;
    bool alarm = false;
    coppice::set_report_sink(s.io, [&](const coppice::report& r) {
      if (std::holds_alternative<coppice::child_ended>(r)) alarm = matters(r);
    });
    s.supervise(
        supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_restart(when)}});
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
    return std::string{x.child.id} + ": " + std::to_string(x.intensity);
  });
  s["a"] = {.starts = {start_as::up}, .then = start_as::fails};
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .intensity = 2,
                              .period = 5s,
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
                      .children = {s.child("a"), s.child("b").with_shutdown(1s), s.child("c")}});
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
                      .children = {s.child("a"), s.child("b").with_shutdown(1s), s.child("c")}});
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
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_all,
                                  .intensity = 3,
                                  .period = 1s,
                                  .children = {s.child("a").with_shutdown(5s), s.child("b")}});
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
  s.supervise(
      supervisor_spec{.name = "top",
                      .strategy = coppice::rest_for_one,
                      .children = {s.child("a"), s.child("b").with_shutdown(coppice::infinity)}});
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

// LOG-10
TEST_CASE("a start matters more if the supervisor acts by itself than if it was asked for") {
  scene s;
  const auto starts = std::make_shared<texts>();
  coppice::set_report_sink(s.io, [starts](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::child_started>(&r)) {
      starts->push_back(std::string{x->child.id} + ' ' + std::string{to_string(severity_of(r))});
    }
  });
  const auto sup =
      s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  s.start(sup, s.child("b"));
  s.crashes("b");
  s.clock.settle();
  s.ask(sup.terminate_child("a"));
  s.ask(sup.restart_child("a"));
  CHECK(*starts == texts{"a info", "b debug", "b info", "a debug"});
}

// LOG-07
TEST_CASE("a report tells how the supervisor treats the child") {
  scene s;
  coppice::child_info child;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::child_started>(&r)) {
      child = x->child;
      child.supervisor = child.id = {};
    }
  });
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .auto_shutdown = coppice::auto_shutdown::any_significant,
      .children = {s.child("a").with_restart(transient).with_shutdown(250ms).with_significant()}});
  CHECK(child.restart == transient);
  CHECK(child.significant);
  CHECK(child.shutdown == coppice::shutdown{250ms});
  CHECK(child.type == coppice::child_type::worker);
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {coppice::supervisor(supervisor_spec{.name = "in", .strategy = one_for_one})}});
  CHECK(child.restart == coppice::permanent);
  CHECK_FALSE(child.significant);
  CHECK(child.shutdown == coppice::shutdown{coppice::infinity});
  CHECK(child.type == coppice::child_type::supervisor);
}

// LOG-06, LOG-07
TEST_CASE("dynamic children that stop badly are counted together if they are treated alike") {
  scene s;
  texts told;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::children_stop_failed>(&r)) {
      CHECK(x->child.supervisor == "pool");
      CHECK_FALSE(x->child.process);
      told.push_back(std::to_string(x->count) +
                     (x->child.restart == temporary ? " temporary" : " permanent"));
    } else if (const auto* alone = std::get_if<coppice::child_stop_failed>(&r)) {
      CHECK(alone->child.supervisor == "pool");
      told.push_back("one transient");
      CHECK(alone->child.process == s.pid_of("e"));
      CHECK(alone->child.restart == transient);
    }
  });
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{.name = "pool"});
  for (const char* name : {"a", "b", "c", "d", "e"}) s[name].stop = stop_as::throws;
  s.start(sup, s.child("a"));
  s.start(sup, s.child("b"));
  s.start(sup, s.child("c").with_restart(temporary));
  s.start(sup, s.child("d").with_restart(temporary));
  s.start(sup, s.child("e").with_restart(transient));
  s.ask(sup.stop());
  CHECK(told == texts{"2 permanent", "one transient", "2 temporary"});
}

// LOG-13
TEST_CASE("a supervisor is called by its name, or else by its label") {
  scene s;
  const auto names = std::make_shared<texts>();
  coppice::set_report_sink(s.io, [names](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::child_started>(&r)) {
      names->emplace_back(x->child.supervisor);
    } else if (const auto* end = std::get_if<coppice::supervisor_stopped>(&r)) {
      names->push_back("end of " + std::string{end->supervisor});
    }
  });
  const auto nameless = [&s] {
    return supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}};
  };
  const auto top = s.supervise(supervisor_spec{
      .name = "top", .strategy = one_for_one, .children = {coppice::supervisor("in", nameless)}});
  s.ask(top.stop());
  CHECK(*names == texts{"in", "top", "end of in", "end of top"});
}

// LOG-05
TEST_CASE("a supervised process that crashes reports it, and so does its supervisor") {
  scene s;
  texts told;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::process_crashed>(&r)) {
      CHECK(x->supervised);
      told.push_back("crash of " + std::string{x->label} + ": " + x->reason.to_string());
    } else if (const auto* end = std::get_if<coppice::child_ended>(&r)) {
      told.push_back("end of " + std::string{end->child.id});
    }
  });
  s.supervise(supervisor_spec{.strategy = one_for_one, .children = {s.child("a")}});
  s.crashes("a");
  s.clock.settle();
  CHECK(told == texts{"crash of a: std::runtime_error: boom", "end of a"});
}

// LOG-04, LOG-05
TEST_CASE("while a crash is reported, the process is still known, with its name and neighbours") {
  scene s;
  std::optional<coppice::process_info> known;
  texts fields;
  std::string block;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    const auto* x = std::get_if<coppice::process_crashed>(&r);
    if (x == nullptr) return;
    CHECK(x->name == "registered");
    CHECK(coppice::whereis(s.io, "registered") == x->process);
    known = coppice::info(x->process);
    for (const auto& [key, text] : coppice::fields_of(r)) {
      fields.push_back(std::string{key} + '=' + text);
    }
    block = to_string(r, {.multi_line = true});
  });
  const auto neighbour = [](coppice::pid whom) -> asio::awaitable<void> {
    coppice::link(whom);
    coppice::mailbox<coppice::exit_signal> box;
    coppice::trap_exit(box);
    co_await coppice::sleep_for(1h);
  };
  const auto body = []() -> asio::awaitable<void> {
    coppice::register_name("registered");
    co_await coppice::sleep_for(1s);
    throw std::runtime_error{"boom"};
  };
  const auto sup = s.supervise(
      supervisor_spec{.name = "top",
                      .strategy = one_for_one,
                      .children = {coppice::worker("a", body).with_restart(temporary)}});
  const coppice::pid a = coppice::whereis(s.io, "registered");
  const coppice::pid linked = coppice::spawn(s.io, neighbour(a), "neighbour");
  s.clock.advance(1s);
  REQUIRE(known);
  CHECK(known->id == a);
  CHECK(known->label == "a");
  CHECK(known->name == "registered");
  CHECK(known->parent == sup.get_pid());
  CHECK(known->ancestors == std::vector{sup.get_pid()});
  CHECK(known->links == std::vector{linked});
  CHECK_FALSE(coppice::info(a));
  CHECK(fields == texts{"kind=process_crashed", "severity=error", "process=<2>", "name=registered",
                        "label=a", "supervised=yes", "reason=std::runtime_error: boom",
                        "exception_type=std::runtime_error", "ancestors=<1>", "links=<3>"});
  CHECK(block ==
        "Process registered (<2>) terminating\n"
        "** (std::runtime_error) boom\n"
        "Label: a\n"
        "Ancestors: top <1>\n"
        "Links: neighbour <3>");
}

// LOG-19
TEST_CASE("a process that nobody supervises reports its crash") {
  scene s;
  const auto body = []() -> asio::awaitable<void> {
    co_await coppice::sleep_for(1s);
    throw std::runtime_error{"boom"};
  };
  coppice::spawn(s.io, body, "lonely");
  s.clock.advance(1s);
  CHECK(s.reports == texts{"process lonely <1> crashed (std::runtime_error: boom)"});
}

// LOG-05
TEST_CASE("whatever abnormal reason a process ends with, it is reported") {
  scene s;
  coppice::spawn(s.io, [] { return end_with(exit_reason::error("text")); }, "a");
  coppice::spawn(s.io, [] { return end_with(exit_reason::noproc()); }, "b");
  coppice::spawn(s.io, [] { return end_with(exit_reason::timeout()); }, "c");
  s.clock.settle();
  CHECK(s.reports == texts{"process a <1> crashed (error: text)", "process b <2> crashed (noproc)",
                           "process c <3> crashed (timeout)"});
}

// LOG-11
TEST_CASE("a process that ends normally, by a shutdown or by a kill reports no crash") {
  scene s;
  const auto crashes =
      collect<coppice::process_crashed>(s, [](const auto& x) { return std::string{x.label}; });
  coppice::spawn(s.io, [] { return end_with(exit_reason::normal()); }, "a");
  coppice::spawn(s.io, [] { return end_with(exit_reason::shutdown()); }, "b");
  coppice::spawn(s.io, [] { return end_with(exit_reason::shutdown("enough")); }, "c");
  const auto body = []() -> asio::awaitable<void> { co_await coppice::sleep_for(1h); };
  const coppice::pid d = coppice::spawn(s.io, body, "d");
  const coppice::pid e = coppice::spawn(s.io, body, "e");
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("f"), s.child("g").with_shutdown(coppice::brutal_kill)}});
  coppice::kill(d);
  coppice::exit(e, exit_reason::shutdown());
  s.returns("f");
  s.ask(sup.stop());
  CHECK(crashes->empty());
}

// LOG-18
TEST_CASE("a sink may kill, spawn and ask while a crash is reported") {
  scene s;
  coppice::pid other;
  int crashes = 0;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    const auto* x = std::get_if<coppice::process_crashed>(&r);
    if (x == nullptr) return;
    ++crashes;
    coppice::kill(x->process);
    coppice::exit(x->process, exit_reason::error("again"));
    coppice::kill(other);
    coppice::spawn(s.io, [] { return end_with(exit_reason::normal()); });
    CHECK_FALSE(coppice::processes(s.io).empty());
  });
  const auto waits = [](coppice::pid whom) -> asio::awaitable<void> {
    coppice::link(whom);
    co_await coppice::sleep_for(1h);
  };
  const auto body = []() -> asio::awaitable<void> {
    co_await coppice::sleep_for(1s);
    throw std::runtime_error{"boom"};
  };
  const coppice::pid a = coppice::spawn(s.io, body);
  other = coppice::spawn(s.io, waits(a));
  s.clock.advance(1s);
  CHECK(crashes == 1);
  CHECK(coppice::processes(s.io).empty());
}

// GS-41, LOG-18
TEST_CASE("a describing function that throws breaks neither the report nor the server's end") {
  scene s;
  std::vector<coppice::pid> ended;
  texts told;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::server_terminated>(&r)) {
      told.push_back(to_string(r, {.multi_line = true}));
      ended.push_back(x->process);
    }
  });
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .children = {coppice::server<secretive>("secretive")}});
  const coppice::server_ref<secretive> server{s.io, "secretive"};
  const coppice::pid first = server.whereis();
  server.cast(secretive::question{});
  s.clock.settle();
  CHECK(told == texts{"GenServer secretive terminating\n"
                      "** (std::runtime_error) no answer\n"
                      "Last message: (not to be described)\n"
                      "State: (not to be described)"});
  CHECK(ended == std::vector{first});
  CHECK(server.whereis());
  CHECK(server.whereis() != first);
}

TEST_CASE("a type that says nothing of itself is told by its name, whole where it is a template") {
  CHECK(coppice::text_of(stillborn::question{}) == "(question)");
  CHECK(coppice::text_of(page<stillborn::question>{}).starts_with("(page<"));
  CHECK(coppice::text_of(page<stillborn::question>{}).ends_with("stillborn::question>)"));
  CHECK(coppice::text_of(page<std::string>{}).starts_with("(page<std::"));
}

// LOG-05
TEST_CASE("a server that fails in its constructor reports a crash, since it says nothing itself") {
  scene s;
  const auto failing = coppice::start_server<stillborn>(s.io, "stillborn");
  s.clock.settle();
  CHECK(s.reports == texts{"process stillborn <1> crashed (std::runtime_error: no life)"});
}

// LOG-16
TEST_CASE("a program reports that it is up, with its process, and that it has stopped, and why") {
  const auto reports_of = [](auto body, std::size_t intensity) {
    asio::io_context io{1};
    texts told;
    coppice::set_report_sink(io, [&](const coppice::report& r) {
      if (const auto* up = std::get_if<coppice::program_started>(&r)) {
        CHECK(up->os_process == ::getpid());
        CHECK(up->process.alive());
        told.push_back("up: " + std::string{up->name});
      } else if (const auto* end = std::get_if<coppice::program_stopped>(&r)) {
        CHECK_FALSE(end->process.alive());
        told.push_back("stopped: " + std::string{end->name} + ", " + end->reason.to_string() +
                       ", " + std::to_string(end->exit_code) + ", " +
                       std::string{to_string(severity_of(r))});
      }
    });
    coppice::run(
        io, {.name = "demo",
             .strategy = one_for_one,
             .intensity = intensity,
             .auto_shutdown = coppice::auto_shutdown::any_significant,
             .children = {coppice::worker("a", body).with_restart(transient).with_significant()}});
    return told;
  };
  const auto returns = []() -> asio::awaitable<void> { co_return; };
  const auto crashes = []() -> asio::awaitable<void> { return end_with(exit_reason::error("x")); };
  const auto fails = [](coppice::init_ack up) -> asio::awaitable<void> {
    co_await up.fail(exit_reason::error("no"));
  };
  CHECK(reports_of(returns, 3) == texts{"up: demo", "stopped: demo, shutdown, 0, info"});
  CHECK(reports_of(crashes, 0) == texts{"up: demo", "stopped: demo, shutdown, 1, error"});
  CHECK(reports_of(fails, 3) ==
        texts{"stopped: demo, shutdown: failed to start child a (error: no), 2, error"});
}
