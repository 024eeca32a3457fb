#pragma once

#include <coppice/detail/task_promise.hpp>

#include <coroutine>
#include <utility>

namespace coppice {

/// A coroutine of coppice's own kind: a process body that costs less than an `asio::awaitable`.
///
/// Write `coppice::task<>` where an `asio::awaitable<void>` stood. A task awaits tasks, coppice's own
/// operations, any Asio operation (`socket.async_read_some(buffer, asio::deferred)`), and an
/// `asio::awaitable`. It begins when it is awaited, and runs as the process that awaits it; an
/// exception passes from a task to the one that awaits it.
///
/// It is destroyed where it waits when its process is killed. A request to stop cancels what it waits
/// for, once, as in an `asio::awaitable`.
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

  /// For coppice's own use.
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
  [[nodiscard]] promise_type& promise() const noexcept { return frame_.promise(); }
  void resume() const { frame_.resume(); }
  [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept {
    return std::exchange(frame_, nullptr);
  }

 private:
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
  return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

inline task<void> task_promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

}  // namespace detail

}  // namespace coppice
