#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/server/envelope.hpp>
#include <coppice/detail/server/handler.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/detail/server/state_keeper.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <chrono>
#include <cstddef>
#include <cstdint>
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
