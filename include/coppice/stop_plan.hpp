#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/process/stop_wait.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/supervisor_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace coppice {

/// One step of a stop that has not begun: who would be asked to end, and how long it would have.
struct stop_step {
  std::size_t depth = 0;       ///< 0 for the children of the supervisor that is asked.
  std::string id;              ///< In its supervisor.
  pid process;                                      ///< Who would be asked.
  coppice::shutdown own = std::chrono::seconds{5};  ///< Its shutdown.
  time_limit at_most = infinity;  ///< Of it, what it would have before it is killed.
};

/// Tells in which order the processes of a tree would be stopped, and what time each would have at
/// most, if all before it took all of theirs. Nothing is stopped.
///
/// A supervisor stands before its own children, which end before it does. Children of a dynamic
/// supervisor stop side by side.
///
/// @param whole As for `stop_within`; `infinity` for an ordinary stop.
/// @return Empty if the supervisor is gone.
/// @throws std::invalid_argument if `whole` is not above zero.
/// @throws std::logic_error if another thread runs its io_context.
[[nodiscard]] COPPICE_API std::vector<stop_step> plan_stop(const supervisor_handle& supervisor,
                                                           time_limit whole = infinity);

/// The same as text, a step a line: "  cache <7>: 4.5 s".
[[nodiscard]] COPPICE_API std::string to_string(const std::vector<stop_step>& plan);

/// Stops a supervisor, as its `stop` does, and everything is down when that time is over: it is
/// split among the children, and among theirs. Whoever has not ended in its part of the time is
/// killed.
///
/// Children that stop one after another share the time that is left when one of them is asked. If
/// it is enough for all that are up, each has its own shutdown time, and one without limit has what
/// the others leave; if it is not, each has a part in proportion to its own. Children of a dynamic
/// supervisor, which stop side by side, all have all of it. A child that is a supervisor needs what
/// its children need, splits nine tenths of what it gets among them, and keeps one to end itself; a
/// worker without limit counts as if it needed five seconds. Whoever ends early leaves more to the
/// others. `plan_stop` tells beforehand what each would get.
///
/// A stop that is under way already is limited from now on. What is killed and cannot be cancelled
/// is abandoned after a second, which comes on top.
///
/// @param whole Above zero.
/// @throws std::invalid_argument if it is not.
/// @par Origin
/// OTP has no such limit: the times of the children add up.
/// @par Completion Signature
/// `void(error_code)`
[[nodiscard]] inline operation<void(boost::system::error_code)> auto stop_within(
    const supervisor_handle& supervisor, time_limit whole,
    exit_reason reason = exit_reason::normal()) {
  detail::check_whole_stop(whole);
  return detail::deferred_wait<detail::stop_wait>{
      {supervisor.get_pid(), std::move(reason), infinity, whole}};
}

}  // namespace coppice
