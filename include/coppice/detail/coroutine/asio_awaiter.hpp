#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/wait/completion.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Awaits, for a task, an asynchronous operation of Asio or of any library in Asio's manner. The
// operation gets a handler that refers to this awaiter, which lies in the frame of the task.
//
// A handler may be called within the initiating function, later, or never; it may be destroyed
// uncalled, on any thread. `now_` tells the cases apart:
//   initiating  the initiating function has not returned; completion must not resume the task yet
//   waiting     the task is suspended; completion resumes it, a dropped handler destroys it
//   completed   the result is there
//   dropped     the handler was destroyed uncalled: nothing will ever resume the task
// If the initiating function throws, what is left of the operation may still refer to the awaiter,
// and be destroyed later. The task hears of the exception when the handler is gone.
template <class Signature, class Op>
class asio_awaiter {
 public:
  asio_awaiter(Op&& op, task_promise_base& p) : op_{std::forward<Op>(op)}, promise_{p} {}
  asio_awaiter(const asio_awaiter&) = delete;
  asio_awaiter& operator=(const asio_awaiter&) = delete;

  static bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) {
    if (promise_.fails_wait()) throw boost::system::system_error{asio::error::operation_aborted};
    if (promise_.root == nullptr) promise_.body_waits();
    try {
      std::move(op_)(handler{*this});
    } catch (...) {
      promise_.slot().clear();  // the operation may have put in a handler that refers to it
      promise_.error = std::current_exception();
    }
    state found = state::initiating;
    if (now_.compare_exchange_strong(found, state::waiting)) return true;
    if (found == state::completed || promise_.error) return false;
    promise_.handler_is_lost();  // not at once: the tasks that await this one may be on the stack
    return true;
  }
  auto await_resume() {
    if (promise_.error) {
      if (promise_.root == nullptr) promise_.self->innermost = nullptr;
      std::rethrow_exception(std::exchange(promise_.error, nullptr));
    }
    return result_.take();
  }

 private:
  enum class state : unsigned char { initiating, waiting, completed, dropped };

  // The operation owns the chain of frames through its handler, as in Asio: if the handler is
  // destroyed uncalled, the frames are destroyed.
  class handler {
   public:
    using executor_type = executor;
    using cancellation_slot_type = asio::cancellation_slot;
    using allocator_type = pool_allocator<void>;

    explicit handler(asio_awaiter& a) noexcept : to_{&a} {}
    handler(handler&& other) noexcept : to_{std::exchange(other.to_, nullptr)} {}
    handler& operator=(handler&&) = delete;
    ~handler() {
      if (to_ != nullptr) to_->dropped();
    }

    template <class... Args>
    void operator()(Args&&... args) {
      // If the copy of a result throws, `to_` is still set, and the destructor drops the task.
      to_->result_.emplace(std::forward<Args>(args)...);
      std::exchange(to_, nullptr)->completed();
    }

    [[nodiscard]] executor_type get_executor() const noexcept {
      process& p = *to_->promise_.self;
      return access::make<executor>(p, p.number.load(std::memory_order_relaxed));
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return to_->promise_.slot();
    }
    [[nodiscard]] static allocator_type get_allocator() noexcept { return {}; }

   private:
    asio_awaiter* to_;
  };

  // Operations that are no part of Asio may call their handler within their cancellation, and not
  // through its executor, which would drop what comes for a process that is being killed.
  void completed() {
    promise_.slot().clear();
    if (now_.exchange(state::completed) != state::waiting) return;
    if (promise_.self->life.is_exiting()) return promise_.handler_is_lost();
    promise_.resume();
  }
  void dropped() noexcept {
    if (now_.exchange(state::dropped) == state::waiting) promise_.handler_is_lost();
  }

  Op op_;  // a value, or a reference if Op is one
  completion<Signature> result_;
  task_promise_base& promise_;
  std::atomic<state> now_ = state::initiating;  // atomic: any thread may drop a handler
};

// Awaits an awaitable that gives a value. co_spawn gives it as an optional (see
// ignoring_cancellation).
template <class Signature, class Op>
class awaitable_awaiter final : public asio_awaiter<Signature, Op> {
 public:
  using asio_awaiter<Signature, Op>::asio_awaiter;
  auto await_resume() { return *asio_awaiter<Signature, Op>::await_resume(); }
};

// Wraps an awaitable that a task awaits, so that it behaves as in a body that is an awaitable. Its
// later awaits still work after a stop request, for cleaning up: by default they would all throw.
// The optional makes a result default constructible, which co_spawn requires.
template <class Executor>
asio::awaitable<void, Executor> ignoring_cancellation(asio::awaitable<void, Executor> a) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(a);
}
template <class T, class Executor>
asio::awaitable<std::optional<T>, Executor> ignoring_cancellation(asio::awaitable<T, Executor> a) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return co_await std::move(a);
}

}  // namespace coppice::detail
