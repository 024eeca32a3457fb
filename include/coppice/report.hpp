#pragma once

#include <coppice/config.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace boost::asio {
class io_context;
}

namespace coppice {

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
  std::string_view supervisor;       ///< Label of the supervisor.
  pid supervisor_id;
  std::string_view id;               ///< Id of the child in its supervisor; empty if it has none.
  pid process;                       ///< The child's process, or the last one it had.
  std::size_t restarts = 0;          ///< How often this child has been restarted so far.
};

/// A child is about to be started. What starts and never comes up can be told by this.
struct child_starting {
  child_info child;
};

/// A child is up.
struct child_started {
  child_info child;
};

/// A child did not come up.
struct child_start_failed {
  child_info child;
  const exit_reason& reason;
  next_step next;
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
/// expected to. Told once for each way in which they ended, when all are down; a child that is alone
/// in its way has a `child_stop_failed` of its own.
///
/// @par Origin
/// The shutdown error of a simple_one_for_one supervisor.
struct children_stop_failed {
  std::string_view supervisor;
  pid supervisor_id;
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

/// A process that no supervisor watches ended abnormally.
struct process_crashed {
  pid process;
  std::string_view label;
  const exit_reason& reason;
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
};

/// A server starts without the state of the one before it, which has crashed too many in a row.
struct state_discarded {
  pid process;
  std::string_view name;
  std::string_view state;
  unsigned crashes;
};

/// The state of a server that has ended is lost: `state()` has thrown, its stash is gone or could not
/// write it.
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

/// Something worth knowing has happened. A value; nothing is formatted unless somebody asks.
using report = std::variant<child_starting, child_started, child_start_failed, child_ended, budget_exhausted,
                            child_stop_failed, children_stop_failed, supervisor_stopped, spec_warning,
                            process_crashed, server_terminated, task_terminated, state_discarded,
                            state_lost,
                            process_abandoned>;

/// Takes reports, on the loop's thread, as they arise. It must not block. What it throws is
/// swallowed: a failing sink never breaks a supervisor.
using report_sink = std::function<void(const report&)>;

/// Sets where the reports of that io_context go; an empty sink turns them off, at no cost.
///
/// The default is `print_report`.
///
/// @par Thread safety
/// Only on the loop's thread, or while it does not run.
COPPICE_API void set_report_sink(boost::asio::io_context& io, report_sink sink);

/// One line for people, without a line end.
COPPICE_API std::string to_string(const report& r);

/// Whether it is about something that went wrong, or will.
[[nodiscard]] COPPICE_API bool is_alarming(const report& r) noexcept;

/// The default sink: prints what is alarming to stderr, one line each, with the time of day.
COPPICE_API void print_report(const report& r);

}  // namespace coppice
