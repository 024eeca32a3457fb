#pragma once

#include <coppice/config.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>

namespace coppice {

namespace detail {

template <class T>
struct completion_of {
  using signature = void(boost::system::error_code, T);
};
template <>
struct completion_of<void> {
  using signature = void(boost::system::error_code);
};

}  // namespace detail

/// How an operation completes that gives a T: `void(error_code, T)`; `void(error_code)` if T is void.
template <class T>
using completion_signature = typename detail::completion_of<T>::signature;

/// What the asynchronous functions of coppice return: an operation that completes as `Signature` says.
/// It is lazy: it begins when it is awaited, or called with a completion token, and not before.
///
///     auto message = co_await box.receive();                   // in a process
///     auto receiving = box.receive();                          // nothing happens yet
///     std::move(receiving)([](error_code ec, int n) { ... });  // begins now
///     box.receive()(asio::deferred), box.receive()(asio::use_awaitable), ...
///
/// In a `coppice::task`, or an `asio::awaitable` whose executor is that of a process, it is awaited as
/// it stands: the error is thrown as `boost::system::system_error`, the rest is the value. Any
/// completion token of Asio's does as well. Since all of these functions return operations, and none
/// takes the token itself, their names do not begin with `async_`.
///
/// Functions whose names say that something begins at once do so, and what they return is a handle on
/// what is under way: `start_child`, `async`, `send_request`. The handle then has operations of its own,
/// which wait for it.
///
/// What a function throws "at once", it throws when it is called, before there is an operation. Whoever
/// gives a wrong argument, or has no process where one is needed, hears of it there.
///
/// An operation is an object like any other: it may be kept, moved, and begun later, in the scope of
/// what it was made from. One begins it once. Those that are no more than a wait may be copied, or
/// awaited by their name, and so begun more than once; a call may not: it throws std::logic_error then.
///
/// @tparam Signature `void(error_code, T...)`; or `void()`, of what does not return.
/// @par Executor
/// It completes through the executor associated with the completion handler. If that is the executor
/// of a process (`coppice::executor`) of the same io_context, the handler is called from the run queue of
/// its scheduler, as that process, and dropped if the process has ended by then. Any other executor
/// is given the handler by `asio::dispatch`. It never completes within the function that begins it.
/// @par Cancellation
/// By the cancellation slot associated with the handler, with any `cancellation_type`; and by a
/// request to the process to stop. It completes with `asio::error::operation_aborted` then, and with
/// values made without arguments. What else that means is said at each function.
/// @par Thread safety
/// Distinct objects: safe. It begins on the loop's thread, unless it is said otherwise.
/// @par Origin
/// Asio's asynchronous operations, in the form that `asio::deferred` gives them.
template <class Op, class Signature>
concept operation = asio::is_async_operation<Op>::value &&
    std::same_as<asio::completion_signature_of_t<Op>, Signature>;

}  // namespace coppice
