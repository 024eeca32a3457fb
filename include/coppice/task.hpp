#pragma once

#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/base/move_only_function.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/version.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace coppice {

namespace detail {

template <class T>
struct task_completion {
  using signature = void(std::exception_ptr, T);
};
template <>
struct task_completion<void> {
  using signature = void(std::exception_ptr);
};

template <class T, class Handler>
class task_run;

// Whether a task that returns a T is awaited in an awaitable as it stands, where Asio cannot do that:
// 1.26 fails in its own code. `Token` is what Asio gives an operation that is awaited without one.
template <class T, class Token>
inline constexpr bool fails_in_asio = false;
#if BOOST_ASIO_VERSION <= 102600
template <class T, class Executor>
inline constexpr bool fails_in_asio<
    T, asio::detail::awaitable_async_op_handler<void(std::exception_ptr, T), Executor>> = true;
#endif

}  // namespace detail

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
/// A coroutine of another kind awaits it as an operation of Asio's: `co_await child()` if it returns
/// nothing, else `co_await square(3)(asio::use_awaitable)`, since Asio 1.26 cannot await without a
/// token what completes with an exception or a value. Whatever cancels that one cancels what the task
/// waits for.
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

  /// What it completes with if it is started as an operation of Asio's.
  using signature = typename detail::task_completion<T>::signature;

  /// Starts it as an operation of Asio's, within a process: the executor of what completes is that of
  /// a process. Completes with std::logic_error if not.
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

  /// Tasks and awaitables await it, each by a rule of their own; this is for coroutines of any other
  /// kind, which cannot.
  template <class Never = T>
  auto operator co_await() && {
    static_assert(detail::never<Never>,
                  "a task is awaited by a process: in a coppice::task or an asio::awaitable");
    return std::suspend_never{};
  }

  /// For coppice's own use.
  explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
  [[nodiscard]] promise_type& promise() const noexcept { return frame_.promise(); }
  [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept {
    return std::exchange(frame_, nullptr);
  }

 private:
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
  const auto h = std::coroutine_handle<task_promise>::from_promise(*this);
  frame = h;
  return task<T>{h};
}

inline task<void> task_promise<void>::get_return_object() noexcept {
  const auto h = std::coroutine_handle<task_promise>::from_promise(*this);
  frame = h;
  return task<void>{h};
}

// A task for which a coroutine of another kind waits.
template <class T, class Handler>
class task_run final : public task_root, public pooled {
 public:
  static void start(task<T> t, Handler h) {
    process* const p = process_behind(asio::get_associated_executor(h));
    if (p == nullptr) {
      fail(std::move(h), std::make_exception_ptr(
                             std::logic_error{"coppice: a task is awaited within a process"}));
      return;
    }
    auto* const run = new task_run{std::move(t), std::move(h)};
    task_promise<T>& promise = run->task_.promise();
    promise.self = p;
    promise.root = run;
    promise.resume();
    run->starting_ = false;
    if (!run->ended_) return;
    run->finish([](Handler handler, auto... result) {
      post_result(std::move(handler), std::move(result)...);
    });
  }

 private:
  task_run(task<T> t, Handler h)
      : task_root{asio::get_associated_cancellation_slot(h)},
        task_{std::move(t)},
        handler_{std::move(h)} {}
  ~task_run() = default;

  void over() noexcept override {
    if (starting_) {
      ended_ = true;  // who waits is not to be resumed from within its own await
    } else {
      finish([](Handler handler, auto... result) { std::move(handler)(std::move(result)...); });
    }
  }
  void drop() noexcept override {
    [[maybe_unused]] const Handler handler{std::move(handler_)};
    delete this;
  }

  template <class Tell>
  void finish(Tell tell) {
    task_promise<T>& promise = task_.promise();
    std::exception_ptr error = std::move(promise.error);
    Handler handler{std::move(handler_)};
    if constexpr (std::is_void_v<T>) {
      delete this;
      tell(std::move(handler), std::move(error));
    } else {
      static_assert(std::default_initializable<T>,
                    "what a task returns to a coroutine of another kind can be made without "
                    "arguments: one that throws has no other");
      T value = error ? T() : promise.take();
      delete this;
      tell(std::move(handler), std::move(error), std::move(value));
    }
  }

  static void fail(Handler h, std::exception_ptr error) {
    if constexpr (std::is_void_v<T>) {
      post_result(std::move(h), std::move(error));
    } else {
      post_result(std::move(h), std::move(error), T());
    }
  }
  template <class... Result>
  static void post_result(Handler h, Result... result) {
    auto ex = asio::get_associated_executor(h);
    asio::post(ex, move_only_function{[h = std::move(h), ... result = std::move(result)]() mutable {
                 std::move(h)(std::move(result)...);
               }});
  }

  task<T> task_;
  Handler handler_;
  bool starting_ = true;
  bool ended_ = false;
};

}  // namespace detail

}  // namespace coppice
