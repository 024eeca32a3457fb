#pragma once

#include <coppice/config.hpp>
#include <coppice/deadline.hpp>
#include <coppice/detail/overload/timed_operation.hpp>
#include <coppice/detail/overload/timed_part.hpp>
#include <coppice/detail/overload/timed_result.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/task.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include <optional>
#include <type_traits>
#include <utility>

// Awaits a coroutine with a deadline, in a coroutine of the same kind. The inner one runs apart,
// with a cancellation slot of its own; what it gives is put into the frame of the outer one. So the
// operation in between completes with an exception and nothing else, which Asio can await.

namespace coppice::detail {

// The filters of an awaitable, which make its waits fail from then on if its next wait is to fail;
// otherwise nothing is remembered of a cancellation. So its clean-up can wait, as in the body of a
// process.
struct remembered_cancellation {
  timed_coroutine* of;
  asio::cancellation_type operator()(asio::cancellation_type type) const noexcept {
    of->cancelled = type & asio::cancellation_type::terminal;
    return of->fails_next_wait ? of->cancelled : asio::cancellation_type::none;
  }
};
struct emitted_cancellation {
  timed_coroutine* of;
  asio::cancellation_type operator()(asio::cancellation_type) const noexcept {
    return of->cancelled;
  }
};

template <class Executor>
asio::awaitable<void, Executor> run_part(asio::awaitable<void, Executor> a, timed_coroutine& c) {
  co_await asio::this_coro::reset_cancellation_state(remembered_cancellation{&c},
                                                     emitted_cancellation{&c});
  co_await std::move(a);
}
template <class T, class Executor>
asio::awaitable<void, Executor> run_part(asio::awaitable<T, Executor> a, timed_coroutine& c,
                                         std::optional<T>& result) {
  co_await asio::this_coro::reset_cancellation_state(remembered_cancellation{&c},
                                                     emitted_cancellation{&c});
  T value = co_await std::move(a);
  result.emplace(std::move(value));
}
template <class T>
task<void> run_part(task<T> t, std::optional<T>& result) {
  T value = co_await std::move(t);
  result.emplace(std::move(value));
}

template <class T, class Executor>
asio::awaitable<T, Executor> await_until(asio::awaitable<T, Executor> a, deadline when) {
  if (when.is_infinity()) co_return co_await std::move(a);
  const auto ex = co_await asio::this_coro::executor;
  static_cast<void>(timed_process(process_behind(ex)));
  timed_coroutine c;
  const auto run = [&](asio::awaitable<void, Executor> part) {
    return timed_operation{asio::co_spawn(ex, std::move(part), asio::deferred), when, &c};
  };
  if constexpr (std::is_void_v<T>) {
    auto running = run(run_part(std::move(a), c));
    co_await std::move(running);
  } else {
    std::optional<T> result;
    auto running = run(run_part(std::move(a), c, result));
    co_await std::move(running);
    co_return timed_result(c.timed_out, *result);
  }
}

template <class T>
task<T> await_until(task<T> t, deadline when) {
  if (when.is_infinity()) co_return co_await std::move(t);
  timed_coroutine c;
  if constexpr (std::is_void_v<T>) {
    timed_operation running{std::move(t), when, &c};
    co_await std::move(running);
  } else {
    std::optional<T> result;
    timed_operation running{run_part(std::move(t), result), when, &c};
    co_await std::move(running);
    co_return timed_result(c.timed_out, *result);
  }
}

}  // namespace coppice::detail
