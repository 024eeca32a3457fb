#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/server/envelope.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace coppice {

/// Functions that a server may call in its handlers and hooks, from its constructor on.
///
/// @throws std::logic_error if no server is at work.
namespace this_server {

/// Ends the server when this handler has returned: with that reason, after `terminate`. An answer
/// that the handler returns is sent after that.
COPPICE_API void stop(exit_reason reason = exit_reason::normal());

/// Has `handle(idle_timeout)` called if no message comes within that time after this handler. Any
/// message ends the wait, and it is not begun again by itself.
COPPICE_API void idle_after(std::chrono::steady_clock::duration time);

/// The number of messages that wait.
[[nodiscard]] COPPICE_API std::size_t queue_length();

/// The number of calls that were received and are not answered yet.
[[nodiscard]] COPPICE_API std::size_t calls_pending();

/// Until when the caller of the message that is being handled waits for the answer, on the clock of
/// the scheduler (`virtual_clock::now` shows it in tests). Nothing if there is no such time: the
/// caller waits without limit, or does not wait any more; the message is a cast; no message is
/// being handled.
///
/// A `send_request` is sent without a limit: its deadline is known while the answer is being
/// fetched by a `receive_response` with one. The limit of a caller on another io_context, or on
/// none, runs there, and is a time here; if a test moves one of the two clocks, it counts from the
/// moment at which the call has arrived.
///
/// A call whose caller has given up is handled all the same, as in OTP, and its answer thrown away:
/// see `caller_waits`. What a handler keeps for later has the deadline in its `reply_to`. A
/// coroutine that was started beside the handler sees that of whichever message is being handled at
/// the moment.
///
/// @par Complexity
/// Constant. Nothing is noted for it with the call, as the timer of that has the time.
/// @par Origin
/// None in OTP: a server does not know for how long it is waited for.
[[nodiscard]] COPPICE_API std::optional<std::chrono::steady_clock::time_point> caller_deadline();

/// How long that is from now on: zero if it has passed, or the caller has given up; otherwise
/// `infinity` without a deadline. For all that takes a limit: `co_await
/// box.receive(this_server::time_left())`. For calls there is `inherited`.
[[nodiscard]] COPPICE_API time_limit time_left();

/// Whether somebody still waits for the answer to the message that is being handled, or may still
/// fetch it. A handler to whom that matters asks first:
///
///     void handle(const report& m, coppice::reply_to<pages> done) {
///       if (!done.is_awaited()) return;   // in other handlers: this_server::caller_waits()
///       ...
///
/// False of a cast, and when no message is being handled. That the caller has given up is known
/// once it has run; where it waits on another io_context, soon after.
[[nodiscard]] COPPICE_API bool caller_waits();

/// Handles that message next, before any that waits, as a step of its own: those who wait for the
/// server to come up, or for an answer, are told first.
///
/// The step asked for last is the first.
///
/// @throws std::logic_error if `self` is not of the class of the server at work, but a base or a
/// part of it.
/// @par Origin
/// `{continue, Term}`.
template <class S, class M>
void continue_with(S& self, M message) {
  static_assert(!call_message<M>, "a message to oneself is cast");
  using server_type = std::remove_const_t<S>;  // of handlers that are const
  static_assert(detail::check_handler<server_type, M>());
  static_cast<void>(self);
  detail::server_core& core = detail::current_server(&detail::server_tag<server_type>);
  core.push_front(*new detail::cast_envelope<server_type, M>{std::move(message)});
}

/// Has `handle(down)` called when that process ends, or soon, as noproc, if it has.
///
/// @return The id found in the message.
COPPICE_API std::uint64_t monitor(const pid& process);

/// `auto saving = this_server::save(*this); co_await std::move(saving);` sends the state to the
/// stash now, and completes when it is kept there: with a stash on disk, when a loss of power
/// cannot take it back.
///
/// @throws std::logic_error if the server has no stash, or is of another class.
/// @par Completion Signature
/// `void(error_code)`
template <class S>
[[nodiscard]] operation<void(boost::system::error_code)> auto save(const S& self) {
  static_assert(detail::keeps_state<S>, "save() needs state() and restore()");
  detail::state_keeper& keeper = detail::current_keeper(&detail::server_tag<S>);
  detail::state_of<S> now = self.state();
  const bool same = detail::is_as_given<S>(keeper, now);
  return keeper.save(std::any{std::move(now)}, same);
}

}  // namespace this_server

}  // namespace coppice
