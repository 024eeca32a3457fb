#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>
#include <coppice/run_options.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/io_context.hpp>

namespace coppice {

/// The values that `run` returns, which a program may return from `main`.
enum exit_code : int {
  exit_stopped = 0,       ///< Asked by a signal, and stopped in order; or shut down automatically.
  exit_gave_up = 1,       ///< The root supervisor's restart budget was exhausted, or it crashed.
  exit_start_failed = 2,  ///< A child of the root did not start, or the root's name is taken.
  exit_hurried = 3,       ///< A second signal cut the stop short: what was left has been killed.
  exit_bad_spec = 4,  ///< The spec breaks a rule. Nothing has started, and nothing been reported.
};

/// Runs a supervision tree as a program: until it ends, or SIGINT or SIGTERM asks it to.
///
/// The first signal starts an ordered stop, in phases; a second one kills what is left.
///
/// 1. Readiness goes (`on_ready`, `STOPPING=1`), and for `settle` nothing else happens.
/// 2. What lets work in is closed: every `acceptor` stops listening, and every dynamic supervisor
///    that drains takes no further children.
/// 3. What is under way goes on: connections of acceptors, children of such supervisors, and
///    messages in the queues of servers that drain. This ends when all have finished, or when the
///    time is over that each has for it.
/// 4. The tree is stopped, children in reverse start order, each with its shutdown time.
///
/// With `stop_within` all of this is over in that time: draining has what the last phase does not
/// need, and that one is split as `stop_within` splits it.
///
/// Reported: `program_started` when the root and its children are up, `program_stopped`
/// when all have ended.
///
/// A spec, or options, that break a rule are told on stderr, in one line that names the supervisors
/// from the root down, the child and the rule; the program ends with `exit_bad_spec` then. It is
/// thrown by `start_supervisor` and by `check`, for programs that are to handle it in another way.
///
/// @return One of `exit_code`.
/// @par Origin
/// A permanent OTP application: when its top supervisor ends, the system does.
COPPICE_API int run(supervisor_spec spec, const run_options& options = {});

/// The same on an io_context of the caller's, which may have been given a report sink or other work
/// before. Returns when the tree has ended, whatever else there is to do; or when somebody stops
/// the io_context while this runs, with the tree as it is then.
///
/// An io_context that is stopped when this is called is restarted first: one that has run out of
/// work is, and cannot be told from one that somebody has stopped before. What is left of an
/// earlier tree goes on with it.
COPPICE_API int run(boost::asio::io_context& io, supervisor_spec spec,
                    const run_options& options = {});

// Catches a spec without a strategy, to say so at compile time.
template <class Never = void>
int run(detail::spec_without_strategy, const run_options& = {}) {
  static_assert(detail::refuse_without_strategy<Never>());
  return exit_bad_spec;
}
template <class Never = void>
int run(boost::asio::io_context&, detail::spec_without_strategy, const run_options& = {}) {
  static_assert(detail::refuse_without_strategy<Never>());
  return exit_bad_spec;
}

}  // namespace coppice
