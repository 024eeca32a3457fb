#include "support/printed.hpp"

#include <coppice/detail/base/access.hpp>
#include <coppice/process.hpp>
#include <coppice/report.hpp>
#include <coppice/report_fields.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/report_text.hpp>
#include <coppice/severity.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <exception>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using coppice::exit_reason;
using coppice::next_step;
using coppice::pid;
using coppice::report_field;
using coppice::text_style;
using namespace std::chrono_literals;

namespace {

exit_reason thrown(std::string_view text) {
  return exit_reason::error(std::make_exception_ptr(std::runtime_error{std::string{text}}));
}

// Throws a logic_error with that many runtime_errors around it.
void throw_nested(int levels) {
  if (levels == 0) throw std::logic_error{"level 0"};
  try {
    throw_nested(levels - 1);
  } catch (...) {
    std::throw_with_nested(std::runtime_error{"level " + std::to_string(levels)});
  }
}

exit_reason nested(int levels) {
  try {
    throw_nested(levels);
  } catch (...) {
    return exit_reason::error(std::current_exception());
  }
  return {};
}

// Names of processes that never were.
pid process(std::uint64_t number) { return coppice::detail::access::make<pid>(nullptr, number); }

constexpr text_style in_lines{.multi_line = true};

const coppice::child_info some_child{.supervisor = "top",
                                     .supervisor_id = process(1),
                                     .id = "a",
                                     .process = process(3),
                                     .restarts = 2,
                                     .restart = coppice::transient,
                                     .significant = true,
                                     .shutdown = 1500ms,
                                     .type = coppice::child_type::worker};

// The server of Elixir's guide, when it is asked for something that it cannot do.
struct sequence_server {
  exit_reason reason = thrown("bad argument");
  std::array<pid, 2> waiting{process(12), process(14)};

  coppice::server_terminated cast() const {
    return {.process = process(5),
            .name = "Sequence.Server",
            .reason = reason,
            .last_message = "increment_number(\"cat\")",
            .state = "127"};
  }
  coppice::server_terminated call(bool alive) const {
    coppice::server_terminated x = cast();
    x.client = process(12);
    x.client_alive = alive;
    return x;
  }
};

std::string value(const std::vector<report_field>& fields, std::string_view key) {
  for (const report_field& f : fields) {
    if (f.key == key) return f.value;
  }
  return "(none)";
}

}  // namespace

// LOG-01, LOG-02
TEST_CASE("the end of a server reads as in Elixir") {
  const sequence_server s;
  CHECK(to_string(s.cast(), in_lines) ==
        "GenServer Sequence.Server terminating\n"
        "** (std::runtime_error) bad argument\n"
        "Last message: increment_number(\"cat\")\n"
        "State: 127");
}

// LOG-02
TEST_CASE("without details a server keeps its state and its clients to itself") {
  const sequence_server s;
  coppice::server_terminated x = s.call(true);
  x.pending = s.waiting;
  CHECK(to_string(x, {.multi_line = true, .details = false}) ==
        "GenServer Sequence.Server terminating\n"
        "** (std::runtime_error) bad argument\n"
        "Last message (from <12>): increment_number(\"cat\")");
  CHECK(to_string(x, {.details = false}) ==
        "server Sequence.Server <5> terminating (std::runtime_error: bad argument); "
        "last message (from <12>): increment_number(\"cat\")");
}

// LOG-03
TEST_CASE("the client of a call is named, and said to be alive or dead") {
  const sequence_server s;
  CHECK(to_string(s.call(false), in_lines) ==
        "GenServer Sequence.Server terminating\n"
        "** (std::runtime_error) bad argument\n"
        "Last message (from <12>): increment_number(\"cat\")\n"
        "State: 127\n"
        "Client <12> is dead");
  coppice::server_terminated x = s.call(true);
  x.client_name = "Sequence.Console";
  CHECK(to_string(x, in_lines) ==
        "GenServer Sequence.Server terminating\n"
        "** (std::runtime_error) bad argument\n"
        "Last message (from Sequence.Console): increment_number(\"cat\")\n"
        "State: 127\n"
        "Client Sequence.Console is alive");
}

TEST_CASE("who waits for an answer of a server that ends is listed") {
  const sequence_server s;
  coppice::server_terminated x = s.cast();
  x.pending = s.waiting;
  CHECK(to_string(x, in_lines).ends_with("\nState: 127\nWaiting for an answer: <12>, <14>"));
  CHECK(to_string(x, {.max_items = 1}).ends_with("; waiting for an answer: <12>, ..."));
}

// LOG-01
TEST_CASE("on one line the end of a server tells the same") {
  const sequence_server s;
  coppice::server_terminated x = s.call(true);
  x.pending = s.waiting;
  CHECK(to_string(x) ==
        "server Sequence.Server <5> terminating (std::runtime_error: bad argument); "
        "last message (from <12>): increment_number(\"cat\"); state: 127; client <12> is alive; "
        "waiting for an answer: <12>, <14>");
}

// LOG-01
TEST_CASE("a server without a name is called by its pid, and what it does not have is left out") {
  const exit_reason reason = exit_reason::timeout();
  const coppice::server_terminated x{
      .process = process(5), .name = {}, .reason = reason, .last_message = {}, .state = {}};
  CHECK(to_string(x, in_lines) == "GenServer <5> terminating\n** (stop) timeout");
  CHECK(to_string(x) == "server <5> terminating (timeout)");
}

// LOG-15
TEST_CASE("nested exceptions are told from the outermost to the innermost") {
  const exit_reason reason = nested(2);
  const coppice::child_start_failed x{some_child, reason, next_step::none};
  CHECK(to_string(x) ==
        "top: a <3> failed to start (std::runtime_error: level 2, caused by "
        "std::runtime_error: level 1, caused by std::logic_error: level 0)");
  CHECK(to_string(x, {.multi_line = true, .details = false}) ==
        "Child a of Supervisor top failed to start\n"
        "** (std::runtime_error) level 2\n"
        "    ** (std::runtime_error) level 1\n"
        "        ** (std::logic_error) level 0\n"
        "Pid: <3>\n"
        "Restarts: 2");
  CHECK(to_string(x, {.max_items = 1}) ==
        "top: a <3> failed to start (std::runtime_error: level 2, caused by "
        "std::runtime_error: level 1)");
}

// LOG-14, GS-44
TEST_CASE("messages, states and reasons are cut where the style says so") {
  const exit_reason reason = thrown("something long");
  const coppice::server_terminated x{.process = process(5),
                                     .name = "s",
                                     .reason = reason,
                                     .last_message = "a message",
                                     .state = "state"};
  CHECK(to_string(x, {.max_text = 5}) ==
        "server s <5> terminating (std::runtime_error: somet...); last message: a mes...; "
        "state: state");
  CHECK(to_string(x, {.multi_line = true, .max_text = 5}) ==
        "GenServer s terminating\n** (std::runtime_error) somet...\nLast message: a mes...\n"
        "State: state");
  const exit_reason said = exit_reason::shutdown("long note");
  CHECK(to_string(coppice::child_ended{some_child, said, next_step::none}, {.max_text = 12}) ==
        "top: a <3> ended after 2 restarts (shutdown: lo...)");
}

// LOG-14
TEST_CASE("no character is cut in two") {
  const exit_reason reason = thrown("");
  const coppice::server_terminated x{.process = process(5),
                                     .name = "s",
                                     .reason = reason,
                                     .last_message = "gr\xc3\xbc\xc3\x9f",
                                     .state = {}};
  CHECK(to_string(x, {.max_text = 3}) ==
        "server s <5> terminating (std::runtime_error); last message: gr...");
  CHECK(to_string(x, {.max_text = 4}) ==
        "server s <5> terminating (std::runtime_error); last message: gr\xc3\xbc...");
}

// LOG-14
TEST_CASE("no text passes for a line of the log") {
  const exit_reason reason = thrown("one\ntwo\r\x1b[2J");
  const coppice::process_crashed x{process(5), "a\tb", reason};
  CHECK(to_string(x) == "process a\\tb <5> crashed (std::runtime_error: one\\ntwo\\r\\x1b[2J)");
  CHECK(to_string(x, in_lines) ==
        "Process <5> terminating\n** (std::runtime_error) one\n    two\\r\\x1b[2J\nLabel: a\tb");
}

// LOG-07
TEST_CASE("a block about a child shows its process and, as a detail, its policy") {
  const exit_reason reason = thrown("boom");
  const coppice::child_ended ended{some_child, reason, next_step::restart};
  CHECK(to_string(ended, in_lines) ==
        "Child a of Supervisor top terminated\n"
        "** (std::runtime_error) boom\n"
        "Pid: <3>\n"
        "Restarts: 2\n"
        "Restart: transient\n"
        "Significant: yes\n"
        "Shutdown: 1.5 s\n"
        "Type: worker\n"
        "Next: restarting");
  CHECK(to_string(ended, {.multi_line = true, .details = false}) ==
        "Child a of Supervisor top terminated\n"
        "** (std::runtime_error) boom\n"
        "Pid: <3>\n"
        "Restarts: 2\n"
        "Next: restarting");
}

// BEY-01
TEST_CASE("the pause before a restart is told") {
  const exit_reason reason = exit_reason::error("refused");
  const coppice::child_info plain{.supervisor = "top", .supervisor_id = process(1), .id = "a"};
  const coppice::child_ended ended{plain, reason, next_step::restart, 400ms};
  CHECK(to_string(ended, {.multi_line = true, .details = false}) ==
        "Child a of Supervisor top terminated\n** (exit) refused\nNext: restarting in 0.4 s");
  const std::string line = to_string(ended);
  CHECK(line.substr(line.rfind(';')) == "; restarting in 0.4 s");
  CHECK(coppice::fields_of(ended).back() == report_field{"pause", "0.4 s"});
  const coppice::child_start_failed failed{plain, reason, next_step::restart, 2s};
  CHECK(to_string(failed, {.multi_line = true, .details = false}) ==
        "Child a of Supervisor top failed to start\n** (exit) refused\nNext: restarting in 2 s");
  CHECK(coppice::fields_of(failed).back() == report_field{"pause", "2 s"});
}

// LOG-06
TEST_CASE("the four kinds of a supervisor's report read as in Elixir") {
  constexpr text_style brief{.multi_line = true, .details = false};
  const exit_reason reason = exit_reason::error("refused");
  const coppice::child_info plain{.supervisor = "top", .supervisor_id = process(1), .id = "a"};
  CHECK(to_string(coppice::child_start_failed{plain, reason, next_step::shut_down}, brief) ==
        "Child a of Supervisor top failed to start\n** (exit) refused\nNext: shutting down");
  CHECK(to_string(coppice::child_ended{plain, reason, next_step::give_up}, brief) ==
        "Child a of Supervisor top terminated\n** (exit) refused\nNext: giving up");
  CHECK(to_string(coppice::child_ended{plain, reason, next_step::park, 30s})
            .ends_with("; parking it for 30 s"));
  CHECK(to_string(coppice::child_ended{plain, reason, next_step::drop})
            .ends_with("; leaving it down"));
  CHECK(to_string(coppice::budget_exhausted{plain, 1, 500ms}, brief) ==
        "Child a of Supervisor top caused shutdown\n"
        "** (exit) reached the maximum restart intensity: more than 1 restart in 0.5 s");
  CHECK(to_string(coppice::child_stop_failed{plain, exit_reason::killed(), true}, brief) ==
        "Child a of Supervisor top shut down abnormally\n** (exit) killed\n"
        "Killed: did not stop in time");
}

// LOG-07
TEST_CASE("of many children that stop badly the number is told") {
  const exit_reason reason = thrown("spilt");
  const coppice::children_stop_failed x{
      {.supervisor = "top", .supervisor_id = process(1), .shutdown = coppice::brutal_kill},
      reason,
      false,
      3};
  CHECK(to_string(x) == "top <1>: 3 children stopped badly (std::runtime_error: spilt)");
  CHECK(to_string(x, in_lines) ==
        "Children of Supervisor top shut down abnormally\n"
        "** (std::runtime_error) spilt\n"
        "Number: 3\n"
        "Restart: permanent\n"
        "Shutdown: brutal_kill\n"
        "Type: worker");
}

// LOG-13
TEST_CASE("a supervisor without a name is called by its pid") {
  const coppice::child_info orphan{.supervisor_id = process(1), .process = process(3)};
  CHECK(to_string(coppice::child_started{orphan}) == "<1>: <3> started");
  CHECK(to_string(coppice::child_starting{orphan}) == "<1>: a child starting");
  CHECK(to_string(coppice::child_started{orphan}, {.multi_line = true, .details = false}) ==
        "Child of Supervisor <1> started\nPid: <3>");
}

// LOG-10
TEST_CASE("how much a report matters follows from what it tells") {
  using coppice::severity;
  const exit_reason normal;
  const exit_reason bad = thrown("boom");
  CHECK(severity_of(coppice::child_starting{some_child}) == severity::debug);
  CHECK(severity_of(coppice::child_started{some_child}) == severity::info);
  CHECK(severity_of(coppice::child_started{.child = {}, .by_request = true}) == severity::debug);
  CHECK(severity_of(coppice::child_start_failed{{}, bad, next_step::none}) == severity::error);
  CHECK(severity_of(coppice::child_ended{{}, normal, next_step::none}) == severity::info);
  CHECK(severity_of(coppice::child_ended{{}, normal, next_step::shut_down}) == severity::info);
  CHECK(severity_of(coppice::child_ended{{}, normal, next_step::restart}) == severity::error);
  CHECK(severity_of(coppice::child_ended{{}, bad, next_step::none}) == severity::error);
  CHECK(severity_of(coppice::budget_exhausted{{}, 1, 1s}) == severity::error);
  CHECK(severity_of(coppice::child_stop_failed{{}, bad, false}) == severity::error);
  CHECK(severity_of(coppice::children_stop_failed{{}, bad, false, 2}) == severity::error);
  CHECK(severity_of(coppice::supervisor_stopped{{}, {}, normal, 1, 0}) == severity::info);
  CHECK(severity_of(coppice::supervisor_stopped{{}, {}, normal, 1, 1}) == severity::warning);
  CHECK(severity_of(coppice::spec_warning{}) == severity::warning);
  CHECK(severity_of(coppice::process_crashed{{}, {}, bad}) == severity::error);
  CHECK(severity_of(sequence_server{}.cast()) == severity::error);
  CHECK(severity_of(coppice::process_abandoned{}) == severity::warning);
  CHECK(severity_of(coppice::acceptor_paused{}) == severity::warning);
  CHECK(severity_of(coppice::acceptor_resumed{}) == severity::warning);
  CHECK(severity_of(coppice::loop_blocked{}) == severity::warning);
}

TEST_CASE("the start and the end of an application are told") {
  using coppice::severity;
  const exit_reason asked = exit_reason::shutdown();
  const coppice::application_started up{"shop", process(1), process(2), coppice::permanent};
  const coppice::application_started alone{"units", {}, {}, coppice::temporary};
  const coppice::application_stopped ends{"shop", process(1), asked, coppice::transient, true};
  const coppice::application_stopped goes{"shop", process(1), asked, coppice::temporary, false};
  CHECK(severity_of(up) == severity::info);
  CHECK(severity_of(ends) == severity::error);
  CHECK(severity_of(goes) == severity::info);
  CHECK(to_string(up) == "application shop <1> started");
  CHECK(to_string(alone) == "application units started");
  CHECK(to_string(ends) ==
        "application shop <1> stopped (shutdown); it is transient, so the program ends");
  CHECK(to_string(goes) == "application shop <1> stopped (shutdown)");
  CHECK(to_string(up, in_lines) == "Application shop started\nMaster: <1>");
  CHECK(to_string(ends, in_lines) ==
        "Application shop stopped\n** (exit) shutdown\nEnds the program as: transient");
}

// LOG-16
TEST_CASE("a program's start is information, and so is its stop if all went well") {
  using coppice::severity;
  const exit_reason asked = exit_reason::shutdown();
  const exit_reason bad = exit_reason::killed();
  const coppice::program_started up{"demo", process(1), 4242};
  const coppice::program_stopped well{"demo", process(1), asked, 0};
  CHECK(severity_of(up) == severity::info);
  CHECK(severity_of(well) == severity::info);
  CHECK(severity_of(coppice::program_stopped{{}, {}, asked, 1}) == severity::error);
  CHECK(severity_of(coppice::program_stopped{{}, {}, bad, 0}) == severity::error);
  CHECK(severity_of(coppice::program_stopped{{}, {}, bad, 3}) == severity::warning);
  CHECK(to_string(up) == "program demo started (OS process 4242)");
  CHECK(to_string(well) == "program demo stopped (shutdown); exit code 0");
  CHECK(to_string(up, in_lines) == "Program demo started\nOS process: 4242");
  CHECK(to_string(well, in_lines) == "Program demo stopped\n** (exit) shutdown\nExit code: 0");
  CHECK(to_string(coppice::program_started{}) == "program started (OS process 0)");
}

// LOG-12
TEST_CASE("a task that crashes is told with who had it started, and for whom that worked") {
  const exit_reason bad = exit_reason::error("bad");
  const coppice::pid callers[] = {process(4), process(3)};
  const coppice::task_terminated x{process(7), "work", callers, bad};
  CHECK(to_string(x) == "task work <7> started by <4> terminating (error: bad); callers: <4>, <3>");
  CHECK(to_string(x, in_lines) ==
        "Task work started from <4> terminating\n** (exit) bad\nCallers: <4>, <3>");
  CHECK(to_string(x, {.details = false}) ==
        "task work <7> started by <4> terminating (error: bad)");
}

TEST_CASE("a state that is discarded or lost is told with its server") {
  const exit_reason gone = exit_reason::noproc();
  const coppice::state_discarded worn{process(5), "numbers", "-1", 3};
  const coppice::state_lost lost{process(5), "numbers", gone};
  CHECK(to_string(worn) ==
        "server numbers <5> starts afresh: its state crashed it 3 times in a row; state: -1");
  CHECK(to_string(worn, in_lines) ==
        "GenServer numbers starts afresh\nIts state crashed it 3 times in a row\nState: -1");
  CHECK(to_string(lost) == "server numbers <5> has lost its state (noproc)");
  CHECK(to_string(lost, in_lines) == "GenServer numbers has lost its state\n** (exit) noproc");
}

TEST_CASE("a blocked loop is told with the process, for how long, and in which functions") {
  const std::string stack[] = {"f(int, char) (demo+0x12)", "demo+0x34", "main (demo+0x56)"};
  const coppice::loop_blocked x{process(7), "busy", 1234567us, stack};
  CHECK(to_string(x) ==
        "process busy <7> has blocked the loop for 1.235 s; "
        "stack: f(int, char) (demo+0x12), demo+0x34, main (demo+0x56)");
  CHECK(to_string(x, {.max_items = 1}) ==
        "process busy <7> has blocked the loop for 1.235 s; stack: f(int, char) (demo+0x12), ...");
  CHECK(to_string(x, {.details = false}) == "process busy <7> has blocked the loop for 1.235 s");
  CHECK(to_string(x, {.multi_line = true, .max_items = 2}) ==
        "Process <7> has blocked the loop for 1.235 s\n"
        "Label: busy\n"
        "Stack:\n"
        "    f(int, char) (demo+0x12)\n"
        "    demo+0x34\n"
        "    ...");
  CHECK(coppice::fields_of(x) ==
        std::vector<report_field>{
            {"kind", "loop_blocked"},
            {"severity", "warning"},
            {"process", "<7>"},
            {"label", "busy"},
            {"time", "1.235 s"},
            {"stack", "f(int, char) (demo+0x12)\ndemo+0x34\nmain (demo+0x56)"}});
}

TEST_CASE("a loop that was blocked by no process says so") {
  const coppice::loop_blocked x{{}, {}, 300ms, {}};
  CHECK(to_string(x) == "something that is no process has blocked the loop for 0.3 s");
  CHECK(to_string(x, in_lines) == "Something that is no process has blocked the loop for 0.3 s");
  CHECK(coppice::fields_of(x) == std::vector<report_field>{{"kind", "loop_blocked"},
                                                           {"severity", "warning"},
                                                           {"time", "0.3 s"}});
}

// LOG-04
TEST_CASE("what is known of a report is to be had as keys and values") {
  const sequence_server s;
  coppice::server_terminated x = s.call(true);
  x.client_name = "Sequence.Console";
  x.pending = s.waiting;
  CHECK(coppice::fields_of(x) ==
        std::vector<report_field>{{"kind", "server_terminated"},
                                  {"severity", "error"},
                                  {"process", "<5>"},
                                  {"name", "Sequence.Server"},
                                  {"reason", "std::runtime_error: bad argument"},
                                  {"exception_type", "std::runtime_error"},
                                  {"last_message", "increment_number(\"cat\")"},
                                  {"state", "127"},
                                  {"client", "<12>"},
                                  {"client_name", "Sequence.Console"},
                                  {"client_alive", "yes"},
                                  {"pending", "<12>, <14>"}});
}

// LOG-04, LOG-07
TEST_CASE("the fields of a supervisor's report tell all of the child") {
  const exit_reason reason = nested(1);
  CHECK(coppice::fields_of(coppice::child_ended{some_child, reason, next_step::restart}) ==
        std::vector<report_field>{
            {"kind", "child_ended"},
            {"severity", "error"},
            {"supervisor", "top"},
            {"supervisor_process", "<1>"},
            {"child", "a"},
            {"process", "<3>"},
            {"restarts", "2"},
            {"restart", "transient"},
            {"significant", "yes"},
            {"shutdown", "1.5 s"},
            {"type", "worker"},
            {"reason", "std::runtime_error: level 1, caused by std::logic_error: level 0"},
            {"exception_type", "std::runtime_error"},
            {"next", "restarting"}});
}

// LOG-04
TEST_CASE("every report has a kind, a severity, texts of both forms") {
  const exit_reason reason = exit_reason::killed();
  const coppice::pid circle[] = {process(3), process(4)};
  const std::pair<coppice::report, std::string_view> all[] = {
      {coppice::child_starting{some_child}, "child_starting"},
      {coppice::child_started{some_child}, "child_started"},
      {coppice::child_held_back{some_child, "database"}, "child_held_back"},
      {coppice::child_recovered{some_child}, "child_recovered"},
      {coppice::child_start_failed{some_child, reason, next_step::none}, "child_start_failed"},
      {coppice::child_refused{some_child, coppice::errc::max_children, reason}, "child_refused"},
      {coppice::child_ended{some_child, reason, next_step::none}, "child_ended"},
      {coppice::budget_exhausted{some_child, 3, 5s}, "budget_exhausted"},
      {coppice::child_stop_failed{some_child, reason, true}, "child_stop_failed"},
      {coppice::children_stop_failed{some_child, reason, true, 2}, "children_stop_failed"},
      {coppice::supervisor_stopped{"top", process(1), reason, 2, 1}, "supervisor_stopped"},
      {coppice::spec_warning{"top", "careful"}, "spec_warning"},
      {coppice::process_crashed{process(3), "a", reason}, "process_crashed"},
      {coppice::server_terminated{process(3), "a", reason, "m", "s"}, "server_terminated"},
      {coppice::task_terminated{process(3), "a", {}, reason}, "task_terminated"},
      {coppice::state_discarded{process(3), "a", "s", 3}, "state_discarded"},
      {coppice::state_lost{process(3), "a", reason}, "state_lost"},
      {coppice::deadlock_refused{circle}, "deadlock_refused"},
      {coppice::process_hung{process(3), "a", 5s}, "process_hung"},
      {coppice::process_abandoned{process(3), "a"}, "process_abandoned"},
      {coppice::acceptor_paused{"a", process(3), {}, 9}, "acceptor_paused"},
      {coppice::acceptor_resumed{"a", process(3), {}, 9, 2, 1s}, "acceptor_resumed"},
      {coppice::loop_blocked{process(3), "a", 1s, {}}, "loop_blocked"},
      {coppice::application_started{"top", process(1), {}, {}}, "application_started"},
      {coppice::application_stopped{"top", process(1), reason, {}, true}, "application_stopped"},
      {coppice::program_started{"top", process(1), 42}, "program_started"},
      {coppice::program_stopped{"top", process(1), reason, 1}, "program_stopped"},
      {coppice::reports_lost{2, reason}, "reports_lost"},
      {coppice::reports_summed_up{coppice::severity::error, "t", 2, 1s}, "reports_summed_up"}};
  CHECK(std::size(all) == std::variant_size_v<coppice::report>);
  for (const auto& [r, kind] : all) {
    const auto fields = coppice::fields_of(r);
    CHECK(value(fields, "kind") == kind);
    CHECK(value(fields, "severity") == to_string(severity_of(r)));
    CHECK(to_string(r).find('\n') == std::string::npos);
    CHECK_FALSE(to_string(r, in_lines).empty());
    for (const report_field& f : fields) CHECK_FALSE(f.value.empty());
  }
}

// LOG-10, LOG-14
TEST_CASE("warnings and errors are printed, on a line each, with the time of day") {
  const exit_reason reason = thrown("boom");
  const std::string text = printed([&] {
    coppice::print_report(coppice::child_started{some_child});
    coppice::print_report(coppice::child_ended{some_child, reason, next_step::restart});
    coppice::print_report(coppice::spec_warning{"top", "careful"});
  });
  CHECK(std::regex_match(
      text,
      std::regex{"\\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\[coppice\\] top: a <3> ended after 2 restarts "
                 "\\(std::runtime_error: boom\\); restarting\n"
                 "\\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\[coppice\\] top: careful\n"}));
}

// LOG-14
TEST_CASE("a block is printed with its severity") {
  const sequence_server s;
  const std::string text = printed([&] {
    coppice::print_report(s.cast(), {.multi_line = true});
    coppice::print_report(coppice::child_started{some_child}, in_lines);
    coppice::print_report(coppice::program_started{"demo", {}, 1}, in_lines,
                          coppice::severity::info);
  });
  CHECK(std::regex_match(
      text, std::regex{"\\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\[error\\] GenServer Sequence\\.Server "
                       "terminating\n"
                       "\\*\\* \\(std::runtime_error\\) bad argument\n"
                       "Last message: increment_number\\(\"cat\"\\)\n"
                       "State: 127\n"
                       "\\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\[info\\] Program demo started\n"
                       "OS process: 1\n"}));
}

// LOG-05, LOG-19
TEST_CASE("the crash of a supervised process is left to its supervisor when it is printed") {
  const exit_reason reason = thrown("boom");
  const std::string text = printed([&] {
    coppice::print_report(
        coppice::process_crashed{process(3), "a", reason, {}, /*supervised=*/true});
    coppice::print_report(coppice::process_crashed{process(3), "b", reason});
  });
  CHECK(text.find("process a") == std::string::npos);
  CHECK(text.find("process b <3> crashed (std::runtime_error: boom)") != std::string::npos);
}
