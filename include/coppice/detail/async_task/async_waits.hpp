#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/async_task/task_core.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/coroutine/make_body.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/complete_failed.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/process.hpp>
#include <coppice/task_result.hpp>
#include <coppice/unfinished_tasks.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// The parts of tasks that depend on the type of the result: the body of the process, the place for
// the result, and the waits that hand it out. Everything else is in task_core.hpp, compiled once.

namespace coppice {

enum class unfinished_tasks : unsigned char;

namespace detail {

// The coroutine types that a task's function may return: for each, the type of the value, and the
// body and coroutine of the process that calls the function.
template <class T>
struct task_awaitable {};
template <class T, class Executor>
requires std::convertible_to<executor, Executor>
struct task_awaitable<asio::awaitable<T, Executor>> {
  static_assert(!std::is_reference_v<T>, "a task returns a value, not a reference");
  using value_type = T;
  using executor_type = Executor;
  using body_type = typed_body<Executor>;
  using coroutine_type = asio::awaitable<void, Executor>;
};
template <class T>
struct task_awaitable<coppice::task<T>> {
  using value_type = T;
  using executor_type = asio::any_io_executor;
  using body_type = task_body;
  using coroutine_type = coppice::task<void>;
};

template <class T>
concept result_awaitable = requires {
  typename task_awaitable<T>::value_type;
};

template <class F>
concept async_function = std::invocable<F&> && result_awaitable<std::invoke_result_t<F&>>;

template <class F>
concept task_source =
    async_function<std::decay_t<F>> || result_awaitable<std::remove_reference_t<F>>;

// Turns an awaitable into a function, which may be called once.
template <result_awaitable A>
struct once {
  A awaitable;
  A operator()() { return std::move(awaitable); }
};

template <class F>
struct task_function_of {
  using type = F;
};
template <result_awaitable A>
struct task_function_of<A> {
  using type = once<A>;
};
template <task_source F>
using task_function_t = typename task_function_of<std::decay_t<F>>::type;

template <async_function F>
using awaitable_of = task_awaitable<std::invoke_result_t<F&>>;
template <task_source F>
using task_value_t = typename awaitable_of<task_function_t<F>>::value_type;

// The typed part of a task: the place for its result.
template <class T>
class typed_task final : public task_core, public pooled {
 public:
  using task_core::task_core;

  template <class... Value>
  void reply(Value&&... value) {
    if (!taken()) value_.emplace(std::forward<Value>(value)...);
    reply_is_there();
  }

  // Takes the value. Called only after the task has replied.
  decltype(auto) take_value() {
    set_taken();
    if constexpr (!std::is_void_v<T>) {
      T value = std::move(*value_);
      value_.reset();
      return value;
    }
  }

  // Takes the value or the exit reason. Called only after the task has settled.
  task_result<T> take() {
    const bool has_value = replied() && !taken();
    exit_reason why = taken() ? exit_reason::noproc() : reason;
    if (!has_value) {
      set_taken();
      return task_result<T>(boost::system::in_place_error, std::move(why));
    }
    if constexpr (std::is_void_v<T>) {
      take_value();
      return task_result<T>(boost::system::in_place_value);
    } else {
      return task_result<T>(boost::system::in_place_value, take_value());
    }
  }

 private:
  ~typed_task() override = default;
  void drop_value() noexcept override { value_.reset(); }

  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> value_;
};

// The body of a task's process: it calls the function, and puts the result into the task_core. As
// with Elixir's Task, the result is there before the process ends.
template <async_function F>
class async_body final : public awaitable_of<F>::body_type, public pooled {
 public:
  using value_type = typename awaitable_of<F>::value_type;
  using body_type = typename awaitable_of<F>::body_type;
  using coroutine_type = typename awaitable_of<F>::coroutine_type;

  async_body(F f, task_origin o)
      : body_type{false}, function_{std::move(f)}, origin_{std::move(o)} {}

  void prepare(process& p) override { origin_.prepare(p); }
  coroutine_type call(process& p) override { return run(p, *this); }

 private:
  static coroutine_type run(process& p, async_body& body) {
    auto* const core = static_cast<typed_task<value_type>*>(body.origin_.core.get());
    try {
      auto running = std::invoke(body.function_);
      if constexpr (std::is_void_v<value_type>) {
        co_await std::move(running);
        if (core != nullptr) core->reply();
      } else {
        value_type value = co_await std::move(running);
        if (core != nullptr) core->reply(std::move(value));
      }
    } catch (...) {
      task_threw(p);
    }
  }

  F function_;
  task_origin origin_;
};

template <task_source F>
body_ptr make_task_body(F&& f, task_origin o) {
  using function = task_function_t<F>;
  return body_ptr{new async_body<function>{function{std::forward<F>(f)}, std::move(o)}};
}

template <class T>
struct task_await_wait : task_wait {
  using task_wait::task_wait;
  using signature = completion_signature<T>;

  template <class Handler>
  void complete(Handler&& h) {
    auto& typed = static_cast<typed_task<T>&>(*core);
    if (const auto ec = outcome()) {
      complete_failed<signature>(std::forward<Handler>(h), ec);
    } else if constexpr (std::is_void_v<T>) {
      typed.take_value();
      std::forward<Handler>(h)(ec);
    } else {
      std::forward<Handler>(h)(ec, typed.take_value());
    }
  }
};

template <class T>
using optional_result = std::optional<task_result<T>>;

// The wait of yield: a result, or nothing if the time was over; the task goes on and may be asked
// again.
template <class T>
struct task_yield_wait : task_wait {
  using task_wait::task_wait;
  using signature = void(boost::system::error_code, optional_result<T>);

  template <class Handler>
  void complete(Handler&& h) {
    optional_result<T> result;
    boost::system::error_code ec;
    if (already_awaited) {
      ec = asio::error::already_started;
    } else if (core->settled()) {
      result.emplace(static_cast<typed_task<T>&>(*core).take());
    }
    std::forward<Handler>(h)(ec, std::move(result));
  }
};

// The wait of shutdown: nothing if the task ended as it was told to, otherwise its result.
template <class T>
struct typed_shutdown_wait : task_shutdown_wait {
  using task_shutdown_wait::task_shutdown_wait;
  using signature = void(boost::system::error_code, optional_result<T>);

  template <class Handler>
  void complete(Handler&& h) {
    optional_result<T> result;
    boost::system::error_code ec;
    if (already_awaited) {
      ec = asio::error::already_started;
    } else if (obeyed()) {
      core->forget(core->reason);
    } else {
      result.emplace(static_cast<typed_task<T>&>(*core).take());
    }
    std::forward<Handler>(h)(ec, std::move(result));
  }
};

// The results of several tasks together, in the order of the tasks; or nothing.
template <class T>
struct all_values {
  using type = std::vector<T>;
};
template <>
struct all_values<void> {
  using type = void;
};
template <class T>
using all_values_t = typename all_values<T>::type;

template <class T>
struct await_many_wait : task_group_wait {
  using task_group_wait::task_group_wait;
  using signature = completion_signature<all_values_t<T>>;

  template <class Handler>
  void complete(Handler&& h) {
    if (const auto ec = outcome()) {
      complete_failed<signature>(std::forward<Handler>(h), ec);
    } else if constexpr (std::is_void_v<T>) {
      for (const task_ptr& c : cores) static_cast<typed_task<T>&>(*c).take_value();
      std::forward<Handler>(h)(ec);
    } else {
      std::vector<T> values;
      values.reserve(cores.size());
      for (const task_ptr& c : cores) {
        values.push_back(static_cast<typed_task<T>&>(*c).take_value());
      }
      std::forward<Handler>(h)(ec, std::move(values));
    }
  }
};

template <class T>
struct yield_many_wait : task_group_wait {
  using task_group_wait::task_group_wait;
  using signature = void(boost::system::error_code, std::vector<optional_result<T>>);

  template <class Handler>
  void complete(Handler&& h) {
    std::vector<optional_result<T>> results(cores.size());
    boost::system::error_code ec;
    if (already_awaited) ec = asio::error::already_started;
    for (std::size_t i = 0; i < cores.size() && !already_awaited; ++i) {
      if (tells(i)) results[i].emplace(static_cast<typed_task<T>&>(*cores[i]).take());
    }
    std::forward<Handler>(h)(ec, std::move(results));
  }
};

}  // namespace detail

}  // namespace coppice
