#pragma once

#include <coppice/call_limit.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/server/state_access.hpp>
#include <coppice/mailbox_counts.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/server.hpp>
#include <coppice/server_call.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coppice {

/// Looking into servers from outside, to debug them. Not for a program's daily work.
///
/// @par Origin
/// OTP's `sys`.
namespace sys {

/// `auto looking = sys::get_state(ref, f); R r = co_await looking.result();` calls `R f(const S&)`
/// with the server's object, between two messages. Fails as a call does; what `f` throws ends the
/// server.
///
/// @par Origin
/// `sys:get_state/1`.
/// @par Completion Signature
/// `void(error_code, R)`, or `void(error_code)`
template <class S, std::invocable<const S&> F>
[[nodiscard]] operation<completion_signature<std::decay_t<std::invoke_result_t<F, const S&>>>> auto
get_state(const server_ref<S>& server, F f, call_limit limit = std::chrono::seconds{5}) {
  using result = std::decay_t<std::invoke_result_t<F, const S&>>;
  auto look = [f = std::move(f)](S& s) mutable -> result {
    return std::invoke(f, std::as_const(s));
  };
  return function_call{detail::access::make_call(
      server, detail::state_access<decltype(look), result>{std::move(look)}, limit)};
}

/// `auto changing = sys::replace_state(ref, f); co_await changing.result();` calls `void f(S&)`
/// with the server's object, between two messages.
///
/// @par Origin
/// `sys:replace_state/2`.
/// @par Completion Signature
/// `void(error_code)`
template <class S, std::invocable<S&> F>
[[nodiscard]] operation<void(boost::system::error_code)> auto replace_state(
    const server_ref<S>& server, F f, call_limit limit = std::chrono::seconds{5}) {
  auto change = [f = std::move(f)](S& s) mutable { std::invoke(f, s); };
  return function_call{detail::access::make_call(
      server, detail::state_access<decltype(change), void>{std::move(change)}, limit)};
}

/// The state of any server, as far as it can be seen without asking it.
struct server_status {
  std::string name;           ///< Its label.
  std::size_t queue_length;   ///< Messages that wait.
  std::size_t calls_pending;  ///< Calls whose answers are due.
  std::string state;          ///< What `text_of` makes of its object.
  mailbox_counts counts;      ///< What the limit of its queue has cost.
};

/// Tells about a server, or nothing if the process is none, or has ended, or is not up yet.
///
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
/// @par Origin
/// `sys:get_status/1`. Differs: the server need not be free to answer.
[[nodiscard]] COPPICE_API std::optional<server_status> get_status(const process_ref& server);

/// What the limit of a server's queue has cost since it was started: how many messages were dropped
/// or refused, and how many have waited at the most. Nothing if the process is no server, or has
/// ended.
///
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
/// @par Complexity
/// Constant; unlike `get_status` it looks at no state.
[[nodiscard]] COPPICE_API std::optional<mailbox_counts> get_counts(const process_ref& server);

}  // namespace sys

}  // namespace coppice
