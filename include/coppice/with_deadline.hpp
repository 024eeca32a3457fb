#pragma once

#include <coppice/config.hpp>
#include <coppice/deadline.hpp>
#include <coppice/detail/overload/timed_coroutine.hpp>
#include <coppice/detail/overload/timed_operation.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/signature_of.hpp>
#include <coppice/operation.hpp>
#include <coppice/task.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>

#include <type_traits>
#include <utility>

namespace coppice {

/// `T value = co_await with_deadline(awaited, 5s);` awaits anything that a process can await, until
/// a deadline at the latest.
///
///     coppice::task<> session(tcp::socket socket) {
///       coppice::controlling_process(socket);
///       char data[1024];
///       for (;;) {
///         // An operation. It throws if the client says nothing for that long.
///         const auto n = co_await coppice::with_deadline(
///             socket.async_read_some(asio::buffer(data), asio::deferred), 30s);
///         // A coroutine, be it a coppice::task or an asio::awaitable.
///         auto answering = answer(socket, std::string_view{data, n});
///         co_await coppice::with_deadline(std::move(answering), 5s);
///       }
///     }
///
/// `awaited` is an operation of Asio's (with `asio::deferred`) or of coppice's, an
/// `asio::awaitable<T>`, or a `coppice::task<T>`; and so is what comes back: it is awaited where
/// `awaited` can be, as that is, with the same result, and takes a completion token where that
/// does. It runs as the same process. Deadlines nest.
///
/// When the time is over, what is awaited is cancelled, with all types of cancellation, and **its
/// end is awaited**: nothing of it runs on afterwards. Then
/// - if it gives a result all the same, that is the result: a message that was taken is not lost;
/// - if it ends because it was cancelled, this fails with `errc::timeout`;
/// - another exception of it is passed on.
///
/// What is ready when the time is over has its turn first, and a result of that wins.
///
/// What tells its errors as results tells a time-out so: nothing is thrown by
/// `as_tuple(asio::deferred)`, and the error code is `errc::timeout`. Likewise a coroutine that
/// returns an error code, or a tuple that begins with one. What hides the error, as
/// `asio::redirect_error` does, has a result.
///
/// A coroutine hears of the end of its time as a process hears of a request to stop: what it waits
/// for is cancelled, once, and it may clean up, with awaits that work. One that is never found
/// waiting, since something is always ready for it, has its next wait fail instead; waits of its
/// clean-up may fail then too. What ignores its cancellation is awaited until it ends, or the
/// process is killed.
///
/// What awaits something, within `awaited`, with a deadline of its own gets `errc::timeout` when
/// that is over, and `operation_aborted` when this one is, as with any cancellation from outside.
///
/// @param when A limit, from the moment on at which this begins (`5s`, `infinity`), or a point in
///   time. With `infinity` there is no timer. If it is zero or less, or in the past, what is
///   awaited begins all the same; it is cancelled as soon as the processes that are ready have had
///   their turn.
/// @throws std::logic_error outside of processes: at once for operations, otherwise where it is
///   awaited. And where it begins, if the completion handler is that of a process of another
///   io_context.
/// @par Cancellation
/// Goes to what is awaited, and is no time-out: that ends with `operation_aborted` as a rule, or
/// with a result that won. That holds as well if the time was over before.
/// @par Executor
/// A completion handler is called as the process to which its executor belongs, or else as the
/// process that began the operation.
/// @par Thread safety
/// Only on the loop's thread. What is awaited may complete on any.
/// @par Complexity
/// Constant, but for the timer: logarithmic in their number. An operation costs a block from the
/// pool, a task two frames besides. An awaitable is co_spawned, which costs several times as much:
/// rather give the operation than an awaitable of it (`use_awaitable`).
/// @par Origin
/// The `after` of Erlang's `receive`, for anything. Differs from `awaited || timer` in that there
/// is no second coroutine, and that no result is lost.
/// @par Completion Signature
/// That of `awaited`
template <class Op>
requires asio::is_async_operation<std::decay_t<Op>>::value
[[nodiscard]] operation<typename detail::signature_of<std::decay_t<Op>>::type> auto with_deadline(
    Op&& awaited, deadline when) {
  static_cast<void>(detail::current_process());
  return detail::timed_operation<std::decay_t<Op>>{std::forward<Op>(awaited), when};
}
template <class T, class Executor>
[[nodiscard]] asio::awaitable<T, Executor> with_deadline(asio::awaitable<T, Executor> awaited,
                                                         deadline when) {
  return detail::await_until(std::move(awaited), when);
}
template <class T>
[[nodiscard]] task<T> with_deadline(task<T>&& awaited, deadline when) {
  return detail::await_until(std::move(awaited), when);
}

}  // namespace coppice
