#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/asio_awaiter.hpp>
#include <coppice/detail/coroutine/native_awaiter.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

// A task can await tasks, coppice's own operations, operations of Asio, and awaitables. Each kind
// has an awaiter of its own; the overloads of await_transform choose it. Other operands do not
// compile.

namespace coppice {

template <class T>
class task;

namespace detail {

// Awaits a task of the same process. There is no symmetric transfer: g++ makes it a tail call only
// when it optimises, so the stack would overflow. The coroutine suspends and names the frame that
// goes on, and the loop in scheduler::run_tasks resumes that.
template <class T>
class task_awaiter : public awaited_task {
 public:
  explicit task_awaiter(task<T> t) noexcept : awaited_task{access::release(t)} {}
  static bool await_ready() noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> h) noexcept {
    task_promise_base& mine = h.promise();
    task_promise_base& next = promise();
    parent = &mine;
    next.awaiter = this;
    next.self = mine.self;
    next.root = mine.root;
    mine.self->home.go_on_with(next.frame);
  }
  T await_resume() {
    task_promise<T>& p = promise();
    if (p.error) std::rethrow_exception(std::move(p.error));
    return p.take();
  }

 private:
  [[nodiscard]] task_promise<T>& promise() const noexcept {
    return std::coroutine_handle<task_promise<T>>::from_address(frame().address()).promise();
  }
};

struct executor_awaiter {
  executor ex;
  static bool await_ready() noexcept { return true; }
  static void await_suspend(std::coroutine_handle<>) noexcept {}
  [[nodiscard]] executor await_resume() const noexcept { return ex; }
};

template <class T>
auto task_promise_base::await_transform(task<T> t) noexcept {
  return task_awaiter<T>{std::move(t)};
}

template <class Op>
  requires coppice_operation<Op>
auto task_promise_base::await_transform(Op&& op) {
  // A yield needs no wait, only a place in the run queue. An operation that may belong to another
  // io_context (a call) has a wait for that too. All others wait in the frame.
  using wait = decltype(access::to_wait(std::forward<Op>(op)));
  if constexpr (requires { std::remove_reference_t<wait>::is_yield; }) {
    return yield_awaiter{*this};
  } else if constexpr (requires(scheduler& s) { access::to_remote_wait(op, s); }) {
    return any_loop_awaiter<std::remove_reference_t<Op>>{op, *this};
  } else {
    return native_awaiter<wait>{access::to_wait(std::forward<Op>(op)), *this};
  }
}

template <class Op>
  requires(!coppice_operation<Op>) && asio::is_async_operation<Op>::value
auto task_promise_base::await_transform(Op&& op) {
  using signature = asio::completion_signature_of_t<Op>;
  using type = std::decay_t<Op>;
  self->waits_here = false;
  // A temporary lives in the frame until the await is over, so it is referred to. A named operation
  // is copied: initiating an operation may use it up, and its owner may await it again.
  if constexpr (std::is_lvalue_reference_v<Op>) {
    return asio_awaiter<signature, type>{type{op}, *this};
  } else {
    return asio_awaiter<signature, type&>{op, *this};
  }
}

template <class T, class Executor>
auto task_promise_base::await_transform(asio::awaitable<T, Executor> a) {
  self->waits_here = false;
  const auto ex = access::make<executor>(*self, self->number.load(std::memory_order_relaxed));
  auto op = asio::co_spawn(Executor{ex}, ignoring_cancellation(std::move(a)), asio::deferred);
  using op_type = decltype(op);
  using signature = asio::completion_signature_of_t<op_type>;
  if constexpr (std::is_void_v<T>) {
    return asio_awaiter<signature, op_type>{std::move(op), *this};
  } else {
    return awaitable_awaiter<signature, op_type>{std::move(op), *this};
  }
}

inline auto task_promise_base::await_transform(asio::this_coro::executor_t) const noexcept {
  self->waits_here = false;
  return executor_awaiter{
      access::make<executor>(*self, self->number.load(std::memory_order_relaxed))};
}

}  // namespace detail

}  // namespace coppice
