#pragma once

#include <coppice/detail/wait/signature_of.hpp>

#include <concepts>

namespace coppice {

/// How an operation completes that gives a T: `void(error_code, T)`; `void(error_code)` if T is
/// void.
template <class T>
using completion_signature = typename detail::completion_of<T>::signature;

/// The asynchronous functions of coppice return operations. One completes as `Signature`
/// says. It is lazy: it begins when it is awaited, or called with a completion token, and not
/// before.
///
///     int message = co_await box.receive();                      // in a process
///     auto receiving = box.receive();                            // nothing happens yet
///     std::move(receiving)([](error_code ec, int message) {});   // begins now
///     box.receive()(asio::use_awaitable)                         // with any token of Asio's
///
/// In a `coppice::task`, or an `asio::awaitable`, it is awaited as it stands: the error is thrown
/// as a `boost::system::system_error`, and the rest is the value. All of these functions return
/// operations, and none takes the token itself; so operations are not prefixed with `async_`.
///
/// Functions whose names say that something begins do begin it at once: `start_child`, `async`,
/// `send_request`. What they return is a handle on what is under way, with operations of its own
/// that wait for it.
///
/// A function that throws "at once" does so when it is called, before there is an operation.
/// Whoever gives a wrong argument, or has no process where one is needed, hears of it there.
///
/// An operation is an object like any other: it is kept, moved, and begun later, as long as what it
/// was made from is there. One that is no more than a wait may be copied, and so begun more than
/// once; a call is made once, and throws std::logic_error when it is begun again. A `function_call`
/// is an operation too, which is awaited by its name.
///
/// @tparam Signature `void(error_code, T...)`; or `void()` of what never completes.
/// @par Executor
/// It completes through the executor that is associated with the completion handler, and never
/// within the function that begins it. If that executor is one of a process (`coppice::executor`)
/// of the same io_context, the handler is called as that process, and is dropped if the process has
/// ended by then. To any other the handler is given by `asio::dispatch`.
/// @par Cancellation
/// By the cancellation slot that is associated with the handler, with any `cancellation_type`; and
/// by a request to the process to stop. It completes with `asio::error::operation_aborted` then,
/// and with values that are made without arguments. What else has happened, or not, is said at each
/// function.
/// @par Thread safety
/// Distinct objects: safe. It begins on the loop's thread, unless it is said otherwise.
/// @par Origin
/// Asio's asynchronous operations, in the form in which `asio::deferred` keeps them.
template <class Op, class Signature>
concept operation = std::same_as<typename detail::signature_of<Op>::type, Signature>;

}  // namespace coppice
