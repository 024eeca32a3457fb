#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/version.hpp>

#include <exception>

// What is not the same in every Asio that coppice works with, from 1.26 (Boost 1.81) to 1.38. No
// other header asks for the version.

// Two shortcuts use awaitable_thread, a class of Asio's that is not documented: the runners of
// processes, and operations that complete where they are begun. It is the same up to 1.38, the newest
// one seen. With still newer ones the shortcuts are not taken. Defined by the user, this macro says
// so for any Asio; the same tests pass then.
#if BOOST_ASIO_VERSION > 103800 && !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
#define COPPICE_DOCUMENTED_ASIO_ONLY 1
#endif

namespace coppice::detail {

// The executor of a handler; system_executor if it names none. Asio's own default was that too, and
// is now one that calls the handler where it stands, and belongs to no context.
template <class Handler>
using handler_executor_t =
    boost::asio::associated_executor_t<Handler, boost::asio::system_executor>;

template <class Handler>
[[nodiscard]] handler_executor_t<Handler> handler_executor_of(const Handler& handler) noexcept {
  return boost::asio::get_associated_executor(handler, boost::asio::system_executor{});
}

// Tells whether Asio cannot await a task with a T in an awaitable when no completion token is
// given: up to 1.26 that fails to compile inside Asio. coppice then refuses it with a text. `Token`
// is the type that Asio passes to an operation that is awaited without a token.
template <class T, class Token>
inline constexpr bool fails_in_asio = false;
#if BOOST_ASIO_VERSION <= 102600
template <class T, class Executor>
inline constexpr bool fails_in_asio<
    T, boost::asio::detail::awaitable_async_op_handler<void(std::exception_ptr, T), Executor>> =
    true;
#endif

}  // namespace coppice::detail
