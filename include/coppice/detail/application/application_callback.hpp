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

// Calls a callback, be it plain or a coroutine, which is kept until it is done.
template <class R, class F, class... Args>
task<R> call_callback(std::shared_ptr<F> f, Args... args) {
  using result = std::invoke_result_t<F&, const Args&...>;
  if constexpr (!coroutine_of_application<result>) {
    co_return static_cast<R>(std::invoke(*f, std::as_const(args)...));
  } else {
    auto running = std::invoke(*f, std::as_const(args)...);
    if constexpr (std::is_void_v<R>) {
      co_await std::move(running);
    } else {
      auto given = co_await std::move(running);
      co_return R(std::move(given));
    }
  }
}

}  // namespace coppice::detail
