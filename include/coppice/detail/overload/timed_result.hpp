#pragma once

#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/wait/complete_failed.hpp>
#include <coppice/error.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

// An operation with a deadline completes with these results. The first argument says whether it was
// cancelled, as an error code or an exception; with as_tuple, the first element of a tuple does. A
// result that says so in another way is passed on as it is.

namespace coppice::detail {

inline void say_timeout(boost::system::error_code& ended) noexcept {
  if (is_cancellation(ended)) ended = errc::timeout;
}
inline void say_timeout(std::exception_ptr& ended) noexcept {
  if (is_cancellation(ended)) ended = exception_of(errc::timeout);
}
template <class First, class... Rest>
void say_timeout(std::tuple<First, Rest...>& result) {
  if constexpr (requires { say_timeout(std::get<0>(result)); }) say_timeout(std::get<0>(result));
}

template <class T>
concept tells_timeout = requires(T& result) {
  say_timeout(result);
};

// Calls the handler with the result; if the time was over, what tells of the cancellation tells of
// the time-out instead.
template <class Handler>
void tell_timed(bool, Handler&& h) {
  std::forward<Handler>(h)();
}
template <class Handler, class First, class... Rest>
void tell_timed(bool timed_out, Handler&& h, First&& first, Rest&&... rest) {
  if constexpr (tells_timeout<std::decay_t<First>>) {
    if (timed_out) {
      std::decay_t<First> said{std::forward<First>(first)};
      say_timeout(said);
      std::forward<Handler>(h)(std::move(said), std::forward<Rest>(rest)...);
      return;
    }
  }
  std::forward<Handler>(h)(std::forward<First>(first), std::forward<Rest>(rest)...);
}

// Tells whether a result says that the operation was cancelled.
inline bool says_cancellation() noexcept { return false; }
template <class First, class... Rest>
bool says_cancellation(const First& first, const Rest&...) noexcept {
  if constexpr (requires { is_cancellation(first); }) {
    return is_cancellation(first);
  } else if constexpr (requires { std::tuple_size<First>::value; }) {
    return std::apply([](const auto&... parts) { return says_cancellation(parts...); }, first);
  } else {
    return false;
  }
}

// The result of a coroutine, likewise.
template <class T>
T timed_result(bool timed_out, T& result) {
  if constexpr (tells_timeout<T>) {
    if (timed_out) say_timeout(result);
  }
  return std::move(result);
}

}  // namespace coppice::detail
