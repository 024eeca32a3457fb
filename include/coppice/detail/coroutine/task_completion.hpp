#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/version.hpp>

#include <exception>

namespace coppice::detail {

// The completion signature of a task that is started as an operation of Asio's.
template <class T>
struct task_completion {
  using signature = void(std::exception_ptr, T);
};
template <>
struct task_completion<void> {
  using signature = void(std::exception_ptr);
};

// Tells whether Asio cannot await a task with a T in an awaitable when no completion token is
// given: up to 1.26 that fails to compile inside Asio. coppice then refuses it with a text. `Token`
// is the type that Asio passes to an operation that is awaited without a token.
template <class T, class Token>
inline constexpr bool fails_in_asio = false;
#if BOOST_ASIO_VERSION <= 102600
template <class T, class Executor>
inline constexpr bool fails_in_asio<
    T, asio::detail::awaitable_async_op_handler<void(std::exception_ptr, T), Executor>> = true;
#endif

}  // namespace coppice::detail
