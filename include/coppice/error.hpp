#pragma once

#include <coppice/config.hpp>

#include <boost/system/error_code.hpp>

namespace coppice {

/// The errors of operations on processes, supervisors and servers.
enum class errc {
  noproc = 1,        ///< There is no such process (any more).
  not_found,         ///< There is no child of that id or pid, or no application of that name.
  already_started,   ///< A child of that id or an application runs, or somebody has the name.
  already_present,   ///< A child of that id is known, though not running.
  running,           ///< The child is running and must be terminated first.
  restarting,        ///< The child is between two restart attempts.
  start_failed,      ///< The child did not come up.
  max_children,      ///< The supervisor's cap on children is reached.
  simple_one_for_one,  ///< Not with a supervisor whose children come from a template.
  draining,          ///< It finishes what it has, and takes nothing new: the program is ending.
  would_deadlock,    ///< The caller would wait for somebody who waits for the caller.
  timeout,           ///< The time limit ran out.
  unexpected_exit,   ///< The process ended with another reason than the one asked for.
  died,              ///< The server ended before it had answered.
  no_reply,          ///< The means to answer was dropped unused.
  overloaded,        ///< The queue of the server is full.
  unreadable,        ///< The value that is kept is of another type, or damaged.
  wrong_type,        ///< The process lives, but is no supervisor or server of that type.
  not_started,       ///< The application, or one that it needs, is not started.
};

/// The category of `errc`.
COPPICE_API const boost::system::error_category& category() noexcept;

/// So that an `errc` is an error code.
inline boost::system::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), category()};
}

}  // namespace coppice

/// Lets an `errc` convert to an error code.
template <>
struct boost::system::is_error_code_enum<coppice::errc> : std::true_type {};
