#pragma once

#include <coppice/config.hpp>
#include <coppice/operation.hpp>
#include <coppice/reply_to.hpp>
#include <coppice/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

// Finds out at compile time which messages the class of a server handles and how: by value or by
// reference, with a reply_to or a result, by an ordinary function or a coroutine. The checks at the
// end have a static_assert for each mistake, so that the compiler's first line says what is wrong.

namespace coppice {

/// A message that is answered: a type with a member type `reply`.
template <class M>
concept call_message = requires {
  typename M::reply;
};

namespace detail {

// How a call of that message completes; nothing of what is no call.
template <class M>
struct call_completion {
  using signature = void;
};
template <call_message M>
struct call_completion<M> {
  using signature = completion_signature<typename M::reply>;
};
template <class M>
using reply_signature = typename call_completion<std::remove_cvref_t<M>>::signature;

template <class S>
struct server_executor {
  using type = asio::any_io_executor;
};
template <class S>
requires requires { typename S::executor_type; }
struct server_executor<S> {
  using type = typename S::executor_type;
};

template <class S>
using server_awaitable = asio::awaitable<void, typename server_executor<S>::type>;

template <class T>
inline constexpr bool is_awaitable = false;
template <class T, class Executor>
inline constexpr bool is_awaitable<asio::awaitable<T, Executor>> = true;

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<task<T>> = true;
template <class T>
inline constexpr bool is_coroutine = is_awaitable<T> || is_task<T>;

// Makes an awaitable, which the coroutine of the server can await, of the coroutine that a handler
// returns.
template <class S, class T, class E>
asio::awaitable<T, E> awaitable_in(asio::awaitable<T, E> a) noexcept {
  return a;
}
template <class S, class T>
auto awaitable_in(task<T> t) {
  return std::move(t)(asio::use_awaitable_t<typename server_executor<S>::type>{});
}

template <class T>
struct awaited {
  using type = T;
};
template <class T, class Executor>
struct awaited<asio::awaitable<T, Executor>> {
  using type = T;
};
template <class T>
struct awaited<task<T>> {
  using type = T;
};

// A message of coppice's own that servers of all classes take: it brings its own handler.
template <class S, class M>
concept handles_itself = requires(S& s, M& m) {
  m.handle_on(s);
};

// A handler gets its message as a const lvalue if it accepts that, so that a crash report can still
// show the message. A handler that takes an rvalue gets the message itself.
template <class S, class M, class... More>
concept handles_kept = requires(S& s, const M& m, More... more) {
  s.handle(m, std::move(more)...);
};
template <class S, class M, class... More>
concept handles_moved = requires(S& s, M&& m, More... more) {
  s.handle(std::move(m), std::move(more)...);
};

// Handlers that take a plain lvalue are never called; the concept serves to say so in an error
// text.
template <class S, class M, class... More>
concept handles_lvalue = requires(S& s, M& m, More... more) {
  s.handle(m, std::move(more)...);
};

template <class M>
struct reply_of {
  using type = void;
};
template <call_message M>
struct reply_of<M> {
  using type = typename M::reply;
};

template <class S, class M>
concept handles_with_token = call_message<M> &&
    (handles_kept<S, M, reply_to<typename reply_of<M>::type>> ||
     handles_moved<S, M, reply_to<typename reply_of<M>::type>>);

/// Whether a server of that class takes that message.
template <class S, class M>
concept handles = handles_itself<S, M> || handles_kept<S, M> || handles_moved<S, M> ||
                  handles_with_token<S, M>;

template <class S, class M, class... More>
decltype(auto) call_handler(S& s, M& m, More&&... more) {
  if constexpr (handles_itself<S, M>) {
    return m.handle_on(s);
  } else if constexpr (handles_kept<S, M, More...>) {
    return s.handle(std::as_const(m), std::forward<More>(more)...);
  } else {
    return s.handle(std::move(m), std::forward<More>(more)...);
  }
}

// Whether a server of that class takes that message back when it ends without having handled it.
template <class S, class M>
concept takes_back = !handles_itself<S, M> && requires(S& s, M&& m) {
  s.undelivered(std::move(m));
};
template <class S, class M>
concept takes_back_lvalue = !handles_itself<S, M> && requires(S& s, M& m) {
  s.undelivered(m);
};

template <class S, class M>
consteval bool check_undelivered() {
  static_assert(takes_back<S, M> || !takes_back_lvalue<S, M>,
                "the hook undelivered() of a server takes its message by value, by const& or by "
                "&&, not by &: it would never be called");
  if constexpr (takes_back<S, M>) {
    static_assert(
        std::is_void_v<decltype(std::declval<S&>().undelivered(std::declval<M&&>()))>,
        "the hook undelivered() of a server returns void; it cannot be a coroutine, as it may be "
        "called while the server is destroyed");
  }
  return true;
}

template <class S, class M>
struct handler_result {
  using type = decltype(call_handler(std::declval<S&>(), std::declval<M&>()));
};
template <class S, class M>
requires handles_with_token<S, M>
struct handler_result<S, M> {
  using type = decltype(call_handler(std::declval<S&>(), std::declval<M&>(),
                                     std::declval<reply_to<typename M::reply>>()));
};

template <class S, class M>
inline constexpr bool handled_by_coroutine = is_coroutine<typename handler_result<S, M>::type>;

template <class S, class M>
consteval bool check_handler() {
  static_assert(handles<S, M> || !handles_lvalue<S, M>,
                "the handle() of that message takes it by &: let it take it by value, by const& or "
                "by &&");
  static_assert(handles<S, M>,
                "this server has no handle() for that message: add a public `R handle(Message)`, "
                "where R is Message::reply if it has one, or `void handle(Message, reply_to<R>)`; "
                "either may return an asio::awaitable or a coppice::task instead");
  if constexpr (handles<S, M>) {
    using result = typename awaited<typename handler_result<S, M>::type>::type;
    if constexpr (call_message<M> && !handles_with_token<S, M>) {
      static_assert(std::is_void_v<result> == std::is_void_v<typename M::reply> &&
                        (std::is_void_v<result> || std::convertible_to<result, typename M::reply>),
                    "the handle() of that message returns something else than its Message::reply");
    } else {
      static_assert(
          std::is_void_v<result>,
          "handle() returns something, but the message has no member type `reply` (or the "
          "answer is given by the reply_to)");
    }
    if constexpr (is_awaitable<typename handler_result<S, M>::type>) {
      static_assert(
          std::is_same_v<typename handler_result<S, M>::type,
                         asio::awaitable<result, typename server_executor<S>::type>>,
          "handlers that are coroutines return coppice::task<R> or asio::awaitable<R>; or, with a "
          "member type executor_type, asio::awaitable<R, executor_type>");
    }
  }
  return handles<S, M> && check_undelivered<S, M>();
}

template <class S, class M>
consteval bool check_call() {
  static_assert(call_message<M>,
                "a message that is called has a member type `reply`, the type of its answer; one "
                "without is cast: ref.cast(message)");
  if constexpr (call_message<M>) {
    return check_handler<S, M>();
  } else {
    return false;
  }
}

// True if the message is made from arguments where it is sent, and false if it is passed
// ready-made.
template <class M, class... Args>
concept made_of =
    !std::is_reference_v<M> && !(sizeof...(Args) == 1 && (std::same_as<M, Args> && ...));

template <class M, class... Args>
consteval bool check_made() {
  static_assert(std::constructible_from<M, Args...>,
                "the message cannot be made of these: they are its members in their order, or "
                "what one of its constructors takes");
  return std::constructible_from<M, Args...>;
}

}  // namespace detail

}  // namespace coppice
