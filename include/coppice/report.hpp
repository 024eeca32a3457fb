#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coppice {

/// The importance of a report.
enum class severity : unsigned char {
  debug,    ///< Somebody hears of it otherwise, as of a start that was asked for.
  info,     ///< Things take their course.
  warning,  ///< Something may fail one day, or costs more than it should.
  error,    ///< Something has failed.
};

/// The reaction of a supervisor to the end of a child.
enum class next_step {
  none,      ///< Nothing: the child's end was expected, or it is never restarted.
  restart,   ///< Starts it again, with its siblings where the strategy says so.
  give_up,   ///< The restart budget is spent: the supervisor stops what is left and ends.
  shut_down, ///< A significant child has ended: the supervisor stops the rest and ends.
  drop,      ///< Leaves it down: its own `restart_limit` is spent.
  park,      ///< The same, and tries it again later: the supervisor works without the child.
};

/// Which child of which supervisor a report is about.
///
/// The views are valid while the sink runs.
struct child_info {
  std::string_view supervisor = {};  ///< Its registered name, or else its label; may be empty.
  pid supervisor_id = {};            ///< The supervisor itself; empty if it has not been started.
  std::string_view id = {};          ///< Id of the child in its supervisor; empty if it has none.
  pid process = {};                  ///< The child's process, or the last one it had.
  std::size_t restarts = 0;          ///< How often this child has been restarted so far.
  coppice::restart restart = coppice::restart::permanent;  ///< When it is restarted.
  /// Whether it counts for the automatic shutdown.
  bool significant = false;
  coppice::shutdown shutdown = std::chrono::seconds{5};  ///< How it is stopped.
  child_type type = child_type::worker;  ///< What it is.
};

/// A child is about to be started. What starts and never comes up can be told by this.
struct child_starting {
  const child_info& child;  ///< Which child.
};

/// A child is up.
struct child_started {
  const child_info& child;  ///< Which child.
  /// `start_child` or `restart_child` asked for it, and hears of it; else the supervisor acts by
  /// itself.
  bool by_request = false;
};

/// A child is not started yet, since something has to be ready first (`starts_when`). It will be
/// when that is.
struct child_held_back {
  const child_info& child;           ///< Which child.
  std::string_view awaited;          ///< The name for which it waits.
};

/// A child that was parked, and has been tried again, has run for long enough: its own budget is
/// unspent.
struct child_recovered {
  const child_info& child;  ///< Which child.
};

/// A child did not come up.
struct child_start_failed {
  const child_info& child;    ///< Which child.
  const exit_reason& reason;  ///< Why it did not come up.
  next_step next;  ///< What its supervisor does about it.
  /// Before it is started again, by its `restart_backoff`, or because it is parked; zero if that
  /// comes at once, or not by itself.
  std::chrono::steady_clock::duration pause{};
};

/// A child that `start_child` asked for was not started, and whoever asked has thrown the answer
/// away unread. Not told of a child that has tried: `child_start_failed` tells of that.
struct child_refused {
  const child_info& child;           ///< Has no process; its supervisor may not exist.
  boost::system::error_code error;   ///< The error that the answer would have given.
  const exit_reason& reason;         ///< Why it was `errc::start_failed`; otherwise normal.
};

/// A child has ended by itself.
struct child_ended {
  const child_info& child;    ///< Which child.
  const exit_reason& reason;  ///< How it ended.
  next_step next;  ///< What its supervisor does about it.
  /// Before it is started again, by its `restart_backoff`, or because it is parked; zero if that
  /// comes at once, or not by itself.
  std::chrono::steady_clock::duration pause{};
};

/// A supervisor gives up, since it has restarted more often than its intensity allows, or a child
/// more often than the child's own `restart_limit` does. Told once, with the child that tipped it.
struct budget_exhausted {
  const child_info& child;           ///< The child whose restart was one too many.
  std::size_t intensity;             ///< So many restarts are allowed within the period.
  std::chrono::steady_clock::duration period;  ///< See `intensity`.
};

/// A child was stopped by its supervisor and did not end as it was expected to.
struct child_stop_failed {
  const child_info& child;           ///< Which child.
  const exit_reason& reason;         ///< How it ended instead.
  bool had_to_be_killed;             ///< Its shutdown time had run out.
  /// Where it was then, if it had to be killed: for what it waited, or in which coroutine.
  std::string_view waited{};
};

/// Several children of a dynamic supervisor, which stop side by side, did not end as they were
/// expected to. Told once for each way in which they ended, when all are down; children that are
/// treated differently are told of apart, and one that is alone in its way has a
/// `child_stop_failed` of its own.
///
/// @par Origin
/// The shutdown error of a simple_one_for_one supervisor.
struct children_stop_failed {
  const child_info& child;           ///< Their common properties: no id, process nor restarts.
  const exit_reason& reason;         ///< The reason of one of them; the others' reads the same.
  bool had_to_be_killed;             ///< Their shutdown time had run out.
  std::size_t count;  ///< How many they are.
};

/// A supervisor has stopped all its children.
struct supervisor_stopped {
  std::string_view supervisor;       ///< Its registered name, or else its label; may be empty.
  pid supervisor_id;                 ///< The supervisor itself.
  const exit_reason& reason;         ///< With which it ends.
  std::size_t stopped;               ///< Children that were running when the stop began.
  std::size_t killed;                ///< Those of them that had to be killed.
  std::chrono::steady_clock::duration took{};  ///< From the first request on.
};

/// A spec is legal, but will not do what its author wants.
struct spec_warning {
  std::string_view supervisor;  ///< The name in the spec.
  std::string_view text;  ///< What is to be expected of it, a sentence.
};

/// A process has ended abnormally, and tells of it by no report of its own kind, as servers do.
///
/// Told once all its frames are destroyed, and before anybody else hears of its death: while the
/// sink runs, `info(process)` still knows its name, ancestors and links. A kill is not told, nor
/// would a killed Erlang process say anything.
///
/// @par Origin
/// The crash report of `proc_lib`, and the emulator's "Error in process".
struct process_crashed {
  pid process;                       ///< Who has ended.
  std::string_view label;            ///< Its label; may be empty.
  const exit_reason& reason;         ///< How it ended.
  std::string_view name = {};        ///< Under which it is registered, or empty.
  /// Its supervisor will tell of it too. `print_report` leaves it to that.
  bool supervised = false;
};

/// A server has ended for an abnormal reason, its last message handled and `terminate` run.
///
/// The texts are what `text_of` makes of the message and the state.
struct server_terminated {
  pid process;                       ///< The server.
  std::string_view name;             ///< Its registered name, or else its label.
  const exit_reason& reason;         ///< How it ended.
  std::string_view last_message;     ///< The message that was being handled; empty if none.
  std::string_view state;            ///< The state after that message.
  pid client = {};                   ///< The process that sent that message, if it was a call.
  std::string_view client_name = {};  ///< Under which that process is registered, or empty.
  bool client_alive = false;          ///< Whether that process lives.
  std::span<const pid> pending = {};  ///< The other processes that wait for its answers.
};

/// A server starts without the state of the one before it, which has crashed too many in a row.
struct state_discarded {
  pid process;             ///< The new server.
  std::string_view name;   ///< Its registered name, or else its label.
  std::string_view state;  ///< The state as a text.
  unsigned crashes;  ///< How many servers in a row have crashed with it.
};

/// The state of a server that has ended is lost: `state()` has thrown, its stash is gone or could
/// not write it.
struct state_lost {
  pid process;                ///< The server that has ended.
  std::string_view name;      ///< Its registered name, or else its label.
  const exit_reason& reason;  ///< Why it is lost.
};

/// A task has ended for an abnormal reason of its own: not one that it was stopped with.
struct task_terminated {
  pid process;                       ///< The task.
  std::string_view label;            ///< Its label; may be empty.
  std::span<const pid> callers;      ///< The process that had it started, its caller, and so on.
  const exit_reason& reason;         ///< How it ended.
};

/// A call was refused with `errc::would_deadlock`: its server waits for an answer, perhaps of one
/// that waits for another one, and so on, and the last of them waits for the caller.
///
/// Found among processes of one io_context whose whole body waits for the call: not beside another
/// wait (`||`), nor for calls sent by `send_request`. With `COPPICE_DOCUMENTED_ASIO_ONLY` only
/// those that are tasks are seen.
struct deadlock_refused {
  std::span<const pid> circle;       ///< The caller, the server that it called, and so on.
};

/// A process has made no progress for longer than its `progress_limit`, and ends for that. Told
/// before its frames are destroyed: `info(process)` still knows for what it waits, and where.
struct process_hung {
  pid process;                                ///< Who hangs.
  std::string_view label;                     ///< Its label; may be empty.
  std::chrono::steady_clock::duration limit;  ///< Its `progress_limit`.
};

/// A killed process waits for something that cannot be cancelled. It counts as dead; its frames are
/// destroyed when, if ever, that something completes.
struct process_abandoned {
  pid process;             ///< Who was killed.
  std::string_view label;  ///< Its label; may be empty.
};

/// An acceptor accepts no connections for a while, as something that they need has run out, or as
/// there are as many as there may be. Told once: it may accept some in between, and pause again.
struct acceptor_paused {
  std::string_view name;             ///< Of the acceptor.
  pid process;                       ///< Its listener.
  boost::system::error_code error;   ///< What has run out; no error: `max_connections`.
  std::size_t connections;           ///< That there are.
};

/// An acceptor that was paused accepts connections again, and has not paused for a second.
struct acceptor_resumed {
  std::string_view name;             ///< Of the acceptor.
  pid process;                       ///< Its listener.
  boost::system::error_code error;   ///< As it was told with `acceptor_paused`.
  std::size_t connections;           ///< That there are.
  std::size_t pauses;                ///< How many there were.
  /// From the beginning of the first pause to the end of the last one.
  std::chrono::steady_clock::duration period;
};

/// A loop has stood still for longer than the limit of its `watchdog`, and goes on again: all
/// others had to wait meanwhile.
///
/// @par Origin
/// `long_schedule` of `erlang:system_monitor`.
struct loop_blocked {
  pid process;                       ///< Ran when the limit was passed; empty if no process did.
  std::string_view label;            ///< 256 bytes of it at the most.
  /// For how long, to a quarter of the limit.
  std::chrono::steady_clock::duration time;
  /// The functions that the loop's thread was in then, innermost first. Empty if they are not to be
  /// had.
  std::span<const std::string> stack;
};

/// An application is up: its top supervisor and all children of that.
struct application_started {
  std::string_view name;             ///< As in its spec.
  pid process;                       ///< Its master; empty if the application has no tree.
  pid top;                           ///< Its top supervisor.
  coppice::restart type;             ///< What its end will mean.
};

/// An application has ended.
struct application_stopped {
  std::string_view name;             ///< As in its spec.
  pid process;                       ///< Its master.
  const exit_reason& reason;         ///< With which its top supervisor has ended.
  coppice::restart type;             ///< What its end means.
  bool ends_program;                 ///< The program ends for it, as its type says.
};

/// A program that is run by `coppice::run` is up: its root supervisor and all children of that.
struct program_started {
  std::string_view name;             ///< Of the root supervisor; may be empty.
  pid process;                       ///< The root supervisor.
  long os_process = 0;               ///< The program's number with the operating system.
};

/// A program that is run by `coppice::run` has come to its end, or has failed to start.
struct program_stopped {
  std::string_view name;             ///< Of the root supervisor; may be empty.
  pid process;                       ///< The root supervisor, which is gone.
  const exit_reason& reason;         ///< The exit reason of the root supervisor.
  int exit_code = 0;                 ///< The value that `run` returns, one of `coppice::exit_code`.
  /// The processes that had to be killed, each with the supervisors from the root's children down
  /// to it, and with what it waited for.
  std::span<const std::string> killed = {};
};

/// Reports that nobody has heard of, since the sink has thrown. Told before the next report, to the
/// sink that is set by then.
struct reports_lost {
  std::size_t count;                 ///< How many.
  const exit_reason& reason;         ///< The exception that was thrown last.
};

/// Reports that were not told one by one, since they are like others that were: see `sum_up`.
struct reports_summed_up {
  severity level;                    ///< The severity of each of them.
  std::string_view text;             ///< One of them, on one line and without details.
  std::size_t count;                 ///< Their number, this one included.
  /// In which they came; zero if that is too short to tell.
  std::chrono::steady_clock::duration period;
  bool supervised = false;           ///< They are crashes of which supervisors tell too.
};

/// Something worth knowing has happened. Nothing is formatted unless somebody asks.
///
/// The objects that a report refers to, by reference or by view, are there while the sink runs:
/// copy what is to be kept, and not the report.
using report =
    std::variant<child_starting, child_started, child_held_back, child_recovered,
                 child_start_failed, child_refused, child_ended, budget_exhausted,
                 child_stop_failed, children_stop_failed, supervisor_stopped, spec_warning,
                 process_crashed, server_terminated, task_terminated, state_discarded, state_lost,
                 deadlock_refused, process_hung, process_abandoned, loop_blocked,
                 acceptor_paused, acceptor_resumed, application_started, application_stopped,
                 program_started, program_stopped, reports_lost, reports_summed_up>;

/// Takes reports, on the loop's thread, as they arise. It must not block, nor run the io_context.
///
/// A failing sink never breaks what it reports on: what it throws is swallowed, and the report
/// counted among the `reports_lost`. It may do what it likes with processes, and set another sink
/// or none: it is destroyed when it has returned. What it brings about may be reported while it
/// runs, and so it is called from within itself, up to eight deep; what lies deeper is lost in the
/// same way.
///
/// What a report is made of is other people's code too. A `describe` or `operator<<` that throws is
/// told as "(not to be described)", an exception whose `what()` returns null by its type. A
/// `what()` that throws ends the program, as it does wherever it is called: it is `noexcept`.
using report_sink = std::function<void(const report&)>;

}  // namespace coppice
