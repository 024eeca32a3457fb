#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/coroutine/task_root.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

// The promises of tasks that await each other form a chain: from the innermost task, which waits
// for something or runs, to the outermost one, which no task awaits. Each frame owns the frame of
// the task that it awaits. The outermost frame belongs to the process as its body, or to a
// task_root if a coroutine of another type awaits it.

namespace coppice {

template <class T>
class task;

namespace detail {

class task_promise_base;

// An operation of coppice's own, for which a task waits without a completion handler.
template <class Op>
concept coppice_operation = requires(Op&& op) { access::to_wait(std::forward<Op>(op)); };

// The place where one task awaits another. It lies in the frame of the awaiting task, and owns the
// frame of the awaited one.
class awaited_task {
 public:
  explicit awaited_task(std::coroutine_handle<> f) noexcept : frame_{f} {}
  awaited_task(const awaited_task&) = delete;
  awaited_task& operator=(const awaited_task&) = delete;
  ~awaited_task() {
    if (frame_) frame_.destroy();
  }

  task_promise_base* parent = nullptr;  // the task that awaits
  [[nodiscard]] std::coroutine_handle<> frame() const noexcept { return frame_; }
  // Gives up the frame, which the caller destroys.
  void release() noexcept { frame_ = nullptr; }

 private:
  std::coroutine_handle<> frame_;
};

class COPPICE_API task_promise_base {
 public:
  static void* operator new(std::size_t size) { return allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { deallocate(frame, size); }

  task_promise_base() noexcept = default;
  task_promise_base(const task_promise_base&) = delete;
  task_promise_base& operator=(const task_promise_base&) = delete;

  // A task begins when it is awaited or spawned, and stays suspended at its end: its owner takes
  // the result and destroys the frame.
  static std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }

  struct at_end {
    static bool await_ready() noexcept { return false; }
    template <class Promise>
    static void await_suspend(std::coroutine_handle<Promise> h) noexcept {
      task_promise_base& p = h.promise();
      if (p.awaiter != nullptr) {
        p.self->home.go_on_with(p.awaiter->parent->frame);
      } else {
        p.over();
      }
    }
    static void await_resume() noexcept {}
  };
  static at_end final_suspend() noexcept { return {}; }

  // Resumes this task, and then those that go on because of it.
  void resume() {
    if (root == nullptr) self->innermost = nullptr;
    self->home.run_tasks(frame);
  }
  // Destroys the whole chain, whose innermost task this is; all of its tasks are suspended. The
  // frames are destroyed one by one, the innermost first. If each frame destroyed the next, deep
  // chains would overflow the stack of the thread.
  void drop() noexcept;
  // The handler of the operation for which this task waits has been destroyed uncalled. The task
  // goes on with `error` if there is one, and otherwise the chain is destroyed: later, as work of
  // the process, when no frame of any process is on the stack.
  void handler_is_lost() noexcept;

  // Notes that the chain waits here, which is the body of its process.
  void body_waits() noexcept { self->innermost = this; }

  // Tells whether the chain must not wait for an operation of Asio's now, but has been cancelled.
  [[nodiscard]] bool fails_wait() noexcept {
    if (root != nullptr && root->fails_this_wait()) return true;
    return self->stop.waits_fail() && (root == nullptr || root->holds_body()) &&
           self->home.fails_wait(*self);
  }

  // The slot through which the Asio operations of this task are cancelled.
  [[nodiscard]] asio::cancellation_slot slot() const noexcept {
    return root != nullptr ? root->slot() : self->signal.slot();
  }

  std::coroutine_handle<> frame;    // its own frame
  awaited_task* awaiter = nullptr;  // null for the outermost task
  process* self = nullptr;              // the process that runs it
  task_root* root = nullptr;            // null if the chain is the body of that process
  std::exception_ptr error;             // with which it ends, or goes on when a wait is over

  // The operands that co_await takes.

  template <class T>
  auto await_transform(task<T> t) noexcept;
  template <class Op>
    requires coppice_operation<Op>
  auto await_transform(Op&& op);
  template <class Op>
    requires(!coppice_operation<Op>) && asio::is_async_operation<Op>::value
  auto await_transform(Op&& op);
  template <class T, class Executor>
  auto await_transform(asio::awaitable<T, Executor> a);
  auto await_transform(asio::this_coro::executor_t) const noexcept;

 protected:
  ~task_promise_base() = default;

 private:
  void over() noexcept;
};

template <class T>
class task_promise final : public task_promise_base {
 public:
  task<T> get_return_object() noexcept;
  template <std::convertible_to<T> U = T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() { return std::move(*value_); }

 private:
  std::optional<T> value_;
};

template <>
class task_promise<void> final : public task_promise_base {
 public:
  task<void> get_return_object() noexcept;
  static void return_void() noexcept {}
  static void take() noexcept {}
};

}  // namespace detail

}  // namespace coppice
