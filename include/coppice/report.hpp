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

namespace boost::asio {
class io_context;
}

namespace coppice {

/// How much a report matters.
enum class severity : unsigned char {
  debug,    ///< Somebody is told of it in another way: a start that was asked for.
  info,     ///< Things take their course.
  warning,  ///< It may go wrong one day, or has cost more than it should.
  error,    ///< It has gone wrong.
};

/// What a supervisor does about the end of a child.
enum class next_step {
  none,      ///< Nothing: the child's end was expected, or it is never restarted.
  restart,   ///< Starts it again, with its siblings where the strategy says so.
  give_up,   ///< The restart budget is spent: the supervisor stops what is left and ends.
  shut_down, ///< A significant child has ended: the supervisor stops the rest and ends.
};

/// Which child of which supervisor a report is about.
///
/// The views are valid while the sink runs; copy what is to be kept.
struct child_info {
  std::string_view supervisor = {};  ///< Its registered name, or else its label; may be empty.
  pid supervisor_id = {};
  std::string_view id = {};          ///< Id of the child in its supervisor; empty if it has none.
  pid process = {};                  ///< The child's process, or the last one it had.
  std::size_t restarts = 0;          ///< How often this child has been restarted so far.
  coppice::restart restart = coppice::restart::permanent;
  bool significant = false;
  coppice::shutdown shutdown = std::chrono::seconds{5};
  child_type type = child_type::worker;
};

/// A child is about to be started. What starts and never comes up can be told by this.
struct child_starting {
  child_info child;
};

/// A child is up.
struct child_started {
  child_info child;
  /// `start_child` or `restart_child` asked for it, and hears of it; else the supervisor acts by
  /// itself.
  bool by_request = false;
};

/// A child did not come up.
struct child_start_failed {
  child_info child;
  const exit_reason& reason;
  next_step next;
};

/// A child that `start_child` asked for was not started, and whoever asked has thrown the answer away
/// unread. Not told of a child that has tried: `child_start_failed` tells of that.
struct child_refused {
  child_info child;                  ///< Of no process. The supervisor may be gone, or never have been.
  boost::system::error_code error;   ///< What awaiting the answer would have failed with.
  const exit_reason& reason;         ///< Why it was `errc::start_failed`; otherwise normal.
};

/// A child has ended by itself.
struct child_ended {
  child_info child;
  const exit_reason& reason;
  next_step next;
};

/// A supervisor has restarted more often than its intensity allows. Told once, with the child that
/// tipped it.
struct budget_exhausted {
  child_info child;
  std::size_t restarts;              ///< Allowed within the period.
  double period_seconds;
};

/// A child was stopped by its supervisor and did not end as it was expected to.
struct child_stop_failed {
  child_info child;
  const exit_reason& reason;
  bool had_to_be_killed;             ///< Its shutdown time had run out.
};

/// Several children of a dynamic supervisor, which stop side by side, did not end as they were
/// expected to. Told once for each way in which they ended, when all are down; children that are
/// treated differently are told of apart, and one that is alone in its way has a
/// `child_stop_failed` of its own.
///
/// @par Origin
/// The shutdown error of a simple_one_for_one supervisor.
struct children_stop_failed {
  child_info child;                  ///< What they have in common: no id, process nor restarts.
  const exit_reason& reason;         ///< Of one of them; the others' reads the same.
  bool had_to_be_killed;
  std::size_t count;
};

/// A supervisor has stopped all its children.
struct supervisor_stopped {
  std::string_view supervisor;
  pid supervisor_id;
  const exit_reason& reason;
  std::size_t stopped;               ///< Children that were running when the stop began.
  std::size_t killed;                ///< ... of which so many had to be killed.
};

/// A spec is legal, but will not do what its author wants.
struct spec_warning {
  std::string_view supervisor;
  std::string_view text;
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
  pid process;
  std::string_view label;
  const exit_reason& reason;
  std::string_view name = {};        ///< Under which it is registered, or empty.
  /// Its supervisor will tell of it too. `print_report` leaves it to that.
  bool supervised = false;
};

/// A server has ended for an abnormal reason, its last message handled and `terminate` run.
///
/// The texts are what `text_of` makes of the message and the state.
struct server_terminated {
  pid process;
  std::string_view name;
  const exit_reason& reason;
  std::string_view last_message;     ///< What it was handling; empty if nothing.
  std::string_view state;            ///< As it was after that.
  pid client = {};                   ///< Who sent that message, if it was a call from a process.
  std::string_view client_name = {};
  bool client_alive = false;
  std::span<const pid> pending = {};  ///< Who else waits for an answer from it.
};

/// A server starts without the state of the one before it, which has crashed too many in a row.
struct state_discarded {
  pid process;
  std::string_view name;
  std::string_view state;
  unsigned crashes;
};

/// The state of a server that has ended is lost: `state()` has thrown, its stash is gone or could
/// not write it.
struct state_lost {
  pid process;
  std::string_view name;
  const exit_reason& reason;
};

/// A task has ended for an abnormal reason of its own: not one that it was stopped with.
struct task_terminated {
  pid process;
  std::string_view label;
  std::span<const pid> callers;      ///< Who had it started, whose task that was, and so on.
  const exit_reason& reason;
};

/// A killed process waits for something that cannot be cancelled. It counts as dead; its frames are
/// destroyed when, if ever, that something completes.
struct process_abandoned {
  pid process;
  std::string_view label;
};

/// A program that is run by `coppice::run` is up: its root supervisor and all children of that.
struct application_started {
  std::string_view name;             ///< Of the root supervisor; may be empty.
  pid process;                       ///< The root supervisor.
  long os_process = 0;               ///< The program's number with the operating system.
};

/// A program that is run by `coppice::run` has come to its end, or has failed to start.
struct application_stopped {
  std::string_view name;             ///< Of the root supervisor; may be empty.
  pid process;                       ///< The root supervisor, which is gone.
  const exit_reason& reason;         ///< With which it ended.
  int exit_code = 0;                 ///< What `run` returns, one of `coppice::exit_code`.
};

/// Reports that nobody has heard of, since the sink has thrown. Told before the next report, to the
/// sink that is set by then.
struct reports_lost {
  std::size_t count;
  const exit_reason& reason;         ///< What was thrown the last time.
};

/// Reports that were not told one by one, since they are like others that were: see `sum_up`.
struct reports_summed_up {
  severity level;                    ///< That of each of them.
  std::string_view text;             ///< One of them, on one line and without details.
  std::size_t count;                 ///< How many they are, this one included.
  double period_seconds;             ///< In which they came; 0 if that is too short to tell.
  bool supervised = false;           ///< They are crashes of which supervisors tell too.
};

/// Something worth knowing has happened. A value; nothing is formatted unless somebody asks.
using report =
    std::variant<child_starting, child_started, child_start_failed, child_refused, child_ended, budget_exhausted,
                 child_stop_failed, children_stop_failed, supervisor_stopped, spec_warning,
                 process_crashed, server_terminated, task_terminated, state_discarded, state_lost,
                 process_abandoned, application_started, application_stopped, reports_lost,
                 reports_summed_up>;

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

/// Sets where the reports of that io_context go; an empty sink turns them off, at no cost.
///
/// The default is `print_report`, its reports of warnings and errors summed up as by `sum_up`; what
/// is still counted when the io_context is destroyed is printed then.
///
/// @par Thread safety
/// Only on the loop's thread, or while it does not run.
COPPICE_API void set_report_sink(boost::asio::io_context& io, report_sink sink);

/// "debug", "info", "warning" or "error".
[[nodiscard]] COPPICE_API std::string_view to_string(severity s) noexcept;

/// How much it matters: that something went wrong is an error, whatever is done about it.
///
/// The end of a permanent child is an error for whatever reason it ended, as in OTP.
[[nodiscard]] COPPICE_API severity severity_of(const report& r) noexcept;

/// Which reports `sum_up` hands on one by one.
struct sum_up_options {
  /// So many equal ones in a period are, as they arise; at least 1.
  std::size_t at_once = 5;
  /// How long a period lasts. Longer than none.
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
};

/// A sink that sums up what repeats itself, before another: a child that crashes without pause, or
/// clients that make theirs crash, fill no log.
///
/// Reports are equal that have the same kind, the same consequence, the same child or process by
/// its id, name or label, and the same reason by its types and texts; whatever pids they have, and
/// whatever a server has been doing. The first of them are handed on as they arise. The others are
/// counted, and told by one `reports_summed_up` when the period ends, and again after each that
/// follows, until one passes without any. Then the next are first ones again.
///
/// Escalations (children that end with `give_up` or `shut_down`, exhausted budgets) and the start
/// and stop of a program are handed on always, and all that is counted before them. So it is when
/// the last process ends, but once in a period, and when the sink is replaced; what has been
/// counted since is lost with the io_context. Nothing is kept running for it.
///
/// Equal reports cost no memory, but for what 64 different ones are remembered by.
///
/// @param io Whose reports they are; the sink is of use for as long as that is.
/// @param sink Where they go on to, under the same rules as any sink.
/// @throws std::invalid_argument if there is no sink, or the options break a rule of theirs.
/// @par Thread safety
/// Only on the loop's thread, or while it does not run; so is the sink.
/// @par Origin
/// `logger_olp` of OTP drops and counts what comes in a burst. Differs: here equal reports are,
/// others never.
[[nodiscard]] COPPICE_API report_sink sum_up(boost::asio::io_context& io, report_sink sink,
                                             const sum_up_options& options = {});

/// How a report is written.
struct text_style {
  /// The block of lines that Elixir prints; else one line.
  bool multi_line = false;
  /// With the state of a server and what is known of its clients; in blocks, with the policy of a
  /// child, and the ancestors and links of a process.
  bool details = true;
  /// After so many bytes each message, state or text of a reason is cut, and "..." put there.
  /// 0: never.
  std::size_t max_text = 0;
  /// So many nested exceptions are told, and of lists so many items. 0: all.
  std::size_t max_items = 10;
};

/// A text for people, without a line end behind it.
///
/// Line ends inside messages, states and reasons cannot pass for those of a log: one line stays
/// one, control characters being escaped, and in a block what follows them is indented.
///
/// An exception that was thrown by `std::throw_with_nested` is followed by those nested in it.
///
/// @par Thread safety
/// Only while the sink runs.
/// @par Origin
/// Elixir's `Logger.Translator`, for the blocks.
[[nodiscard]] COPPICE_API std::string to_string(const report& r, const text_style& style = {});

/// One thing that is known of a report. Keys are literals.
struct report_field {
  std::string_view key;
  std::string value;

  friend bool operator==(const report_field&, const report_field&) = default;
};

/// What is known, for log backends that take keys and values, in a fixed order and without what is
/// empty.
///
/// Of every report `kind`, the name of its type, and `severity`. Of processes `process`, `name`,
/// `label`, `supervised`, `ancestors`, `links`; of children `supervisor`, `supervisor_process`,
/// `child`, `process`, `restarts`, `restart`, `significant`, `shutdown`, `type`, and of their
/// starts `by_request`; of servers also `last_message`, `state`, `client`, `client_name`,
/// `client_alive`, `pending`; of tasks `callers`. Of ends `reason`, `exception_type`, `next`,
/// `killed`, `count`; of budgets `max_restarts`, `within`; of refusals `error`; of warnings `text`; of programs `name`,
/// `process`, `os_process`, `exit_code`; of reports `count`, `within`, `text`. Processes are written
/// as `pid::to_string` does, lists with ", " between.
///
/// @par Thread safety
/// Only while the sink runs.
[[nodiscard]] COPPICE_API std::vector<report_field> fields_of(const report& r);

/// The default sink: prints warnings and errors to stderr, one line each, with the time of day.
///
/// Of a supervised process its supervisor's report tells; its `process_crashed` is not printed.
///
/// It writes to the descriptor of stderr, past its buffer, and neither waits nor ends the program,
/// whatever is behind that: a pipe or a terminal that nobody reads just now or ever again, a disk
/// that is full, nothing at all. What could not be written is counted, and told when the next
/// report can be: "3 reports could not be written (Broken pipe)". Neither the program's signal
/// dispositions nor the flags of the descriptor are touched. Only writing to a file waits for as
/// long as its file system does, and to a terminal that is another user's for its last few bytes.
///
/// @par Thread safety
/// Only while the sink runs; those of several io_contexts may print at the same time.
COPPICE_API void print_report(const report& r);

/// The same in another style, or from another severity on: a sink like
/// `[](const coppice::report& r) { coppice::print_report(r, {.multi_line = true}); }`.
///
/// What is printed in blocks begins with the severity: "12:34:56.789 [error] GenServer ...".
COPPICE_API void print_report(const report& r, const text_style& style,
                              severity from = severity::warning);

}  // namespace coppice
