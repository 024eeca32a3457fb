#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/coroutine/await_transform.hpp>
#include <coppice/detail/coroutine/task_completion.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>

#include <boost/asio/async_result.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace coppice {

namespace detail {
template <class T, class Handler>
class task_run;
}  // namespace detail

/// A coroutine of coppice's own kind: a process body that costs less than an `asio::awaitable`.
///
/// Write `coppice::task<>` where an `asio::awaitable<void>` stood. A task awaits tasks, coppice's
/// own operations, any Asio operation (`socket.async_read_some(buffer, asio::deferred)`), and an
/// `asio::awaitable`. It begins when it is awaited, and runs as the process that awaits it; an
/// exception passes from a task to the one that awaits it.
///
/// It is destroyed where it waits when its process is killed. A request to stop cancels what it
/// waits for, once, as in an `asio::awaitable`.
///
/// A coroutine of another kind awaits it as an operation of Asio's: `co_await child()` if it
/// returns nothing, else `co_await square(3)(asio::use_awaitable)`, since Asio 1.26 cannot await
/// without a token what completes with an exception or a value. Whatever cancels that one cancels
/// what the task waits for.
///
/// @tparam T What it returns; movable, or void.
/// @par Thread safety
/// Runs on the loop's thread.
/// @par Complexity
/// One allocation from a pool; none for awaiting coppice's own operations.
template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::task_promise<T>;

  task(task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
  task& operator=(task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~task() {
    if (frame_) frame_.destroy();
  }

  /// The completion signature if it is started as an operation of Asio's.
  using signature = typename detail::task_completion<T>::signature;

  /// Starts it as an operation of Asio's, within a process: the executor of what completes is that
  /// of a process. Completes with std::logic_error if not.
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) && {
    static_assert(!detail::fails_in_asio<T, std::decay_t<Token>>,
                  "in an asio::awaitable a task that returns a value is awaited with a token: "
                  "co_await square(3)(asio::use_awaitable)");
    return asio::async_initiate<Token, signature>(
        [](auto&& handler, task t) {
          detail::task_run<T, std::decay_t<decltype(handler)>>::start(
              std::move(t), std::forward<decltype(handler)>(handler));
        },
        token, std::move(*this));
  }

  /// Tasks and awaitables await it, each by a rule of their own; this is for coroutines of any
  /// other kind, which cannot.
  template <class Never = T>
  auto operator co_await() && {
    static_assert(detail::never<Never>,
                  "a task is awaited by a process: in a coppice::task or an asio::awaitable");
    return std::suspend_never{};
  }

 private:
  friend struct detail::access;

  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}

  [[nodiscard]] promise_type& promise() const noexcept { return frame_.promise(); }
  [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept {
    return std::exchange(frame_, nullptr);
  }

  std::coroutine_handle<promise_type> frame_;
};

}  // namespace coppice

#include <coppice/detail/coroutine/task_run.hpp>
