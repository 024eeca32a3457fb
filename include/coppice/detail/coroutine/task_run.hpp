#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/move_only_function.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/task.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace coppice::detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
  const auto h = std::coroutine_handle<task_promise>::from_promise(*this);
  frame = h;
  return access::make<task<T>>(h);
}

inline task<void> task_promise<void>::get_return_object() noexcept {
  const auto h = std::coroutine_handle<task_promise>::from_promise(*this);
  frame = h;
  return access::make<task<void>>(h);
}

// A task that is awaited by a coroutine of another type, or started with a completion token: an
// Asio operation whose initiating function runs the task. It must belong to a process, as what a
// task awaits is work of a process.
template <class T, class Handler>
class task_run final : public task_root, public pooled {
 public:
  static void start(task<T> t, Handler h) {
    process* const p = process_behind(handler_executor_of(h));
    if (p == nullptr) {
      fail(std::move(h), std::make_exception_ptr(
                             std::logic_error{"coppice: a task is awaited within a process"}));
      return;
    }
    const bool holds_body = is_of_body(h, *p);
    task_run* run = nullptr;
    if constexpr (requires { h.entry_point(); }) {
      // The handler of an awaitable goes on at once if there is no memory: destroyed uncalled, it
      // would need some.
      std::exception_ptr failure;
      try {
        run = new task_run{std::move(t), std::move(h), holds_body};
      } catch (...) {
        failure = std::current_exception();
      }
      if (failure) return tell_of(std::move(failure), std::move(h));
    } else {
      run = new task_run{std::move(t), std::move(h), holds_body};
    }
    task_promise<T>& promise = access::promise(run->task_);
    promise.self = p;
    promise.root = run;
    promise.resume();
    run->starting_ = false;
    if (!run->ended_) return;
    // The task has already ended. Asio's rule is that an initiating function does not call the
    // handler.
    run->finish([](Handler handler, auto... result) {
      post_result(std::move(handler), std::move(result)...);
    });
  }

 private:
  task_run(task<T> t, Handler h, bool holds_body)
      : task_root{asio::get_associated_cancellation_slot(h), holds_body, fails_next_wait_of(h)},
        task_{std::move(t)},
        handler_{std::move(h)} {}
  ~task_run() = default;

  // Asio's handlers of awaitables say to which thread of awaitables they belong.
  static bool is_of_body([[maybe_unused]] Handler& h, [[maybe_unused]] process& p) noexcept {
#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
    if constexpr (requires { h.entry_point(); }) return p.home.body_behind(h.entry_point()) == &p;
#endif
    return false;
  }
  static bool* fails_next_wait_of(const Handler& h) noexcept {
    if constexpr (requires { h.fails_next_wait(); }) {
      return h.fails_next_wait();
    } else {
      return nullptr;
    }
  }

  void over() noexcept override {
    if (starting_) {
      ended_ = true;  // the coroutine that awaits has not suspended yet: `start` posts the result
    } else {
      finish([](Handler handler, auto... result) { std::move(handler)(std::move(result)...); });
    }
  }
  void drop() noexcept override {
    [[maybe_unused]] const Handler handler{std::move(handler_)};
    delete this;
  }

  // Takes the result out, destroys this with the frames, and then passes the result on.
  template <class Tell>
  void finish(Tell tell) {
    task_promise<T>& promise = access::promise(task_);
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

  static void tell_of(std::exception_ptr error, Handler h) {
    if constexpr (std::is_void_v<T>) {
      std::move(h)(std::move(error));
    } else {
      std::move(h)(std::move(error), T());
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
    auto ex = handler_executor_of(h);
    asio::post(ex, move_only_function{[h = std::move(h), ... result = std::move(result)]() mutable {
                 std::move(h)(std::move(result)...);
               }});
  }

  task<T> task_;
  Handler handler_;
  bool starting_ = true;
  bool ended_ = false;
};

}  // namespace coppice::detail
