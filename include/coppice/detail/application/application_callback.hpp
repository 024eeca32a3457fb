#pragma once

#include <coppice/config.hpp>
#include <coppice/task.hpp>

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace coppice::detail {

template <class T>
struct result_of_coroutine {};
template <class T>
struct result_of_coroutine<task<T>> {
  using type = T;
};
template <class T, class Executor>
struct result_of_coroutine<asio::awaitable<T, Executor>> {
  using type = T;
};

template <class T>
concept coroutine_of_application = requires {
  typename result_of_coroutine<T>::type;
};

// What a callback returns, or what its coroutine gives.
template <class T>
struct given_by {
  using type = T;
};
template <coroutine_of_application T>
struct given_by<T> {
  using type = typename result_of_coroutine<T>::type;
};

// Functions that are callbacks, and are not that type itself, which is copied.
template <class F, class Self, class... Args>
concept start_function_with =
    !std::same_as<std::decay_t<F>, Self> && std::invocable<std::decay_t<F>&, const Args&...>;
template <class F>
using given_by_call = typename given_by<std::invoke_result_t<std::decay_t<F>&>>::type;
template <class F, class Self>
concept stop_function = start_function_with<F, Self> && std::is_void_v<given_by_call<F>>;

// Awaits what a callback has returned, and keeps the callback meanwhile.
template <class R, class Coroutine>
task<R> given_later(Coroutine running, [[maybe_unused]] std::shared_ptr<const void> kept) {
  if constexpr (std::is_void_v<R>) {
    co_await std::move(running);
  } else {
    auto given = co_await std::move(running);
    co_return R(std::move(given));
  }
}
template <class R>
task<R> given_at_once(R given) {
  co_return std::move(given);
}
inline task<void> nothing_given() { co_return; }

// Calls a callback, be it plain or a coroutine. A plain one is called, and may throw, at once. No
// coroutine has the type of the callback, which g++ would warn of in sources that others include.
template <class R, class F, class... Args>
task<R> call_callback(const std::shared_ptr<F>& f, const Args&... args) {
  if constexpr (coroutine_of_application<std::invoke_result_t<F&, const Args&...>>) {
    return given_later<R>(std::invoke(*f, args...), f);
  } else if constexpr (std::is_void_v<R>) {
    std::invoke(*f, args...);
    return nothing_given();
  } else {
    return given_at_once<R>(std::invoke(*f, args...));
  }
}

}  // namespace coppice::detail
