#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/task.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Starts the task as the body of the process, and runs it up to its first wait.
COPPICE_API void begin_task(process& p, task<void> t);

// The body of a process that is a coppice::task. It needs no runner: making a frame of coppice's
// own coroutine type is cheap, and the pool has its storage.
class task_body : public body {
 public:
  explicit task_body(bool acknowledges) noexcept : body{nullptr, acknowledges} {}
  virtual task<void> call(process& p) = 0;
  void launch(process& p) final {
    try {
      begin_task(p, call(p));
    } catch (...) {  // by the function itself, before it has returned a task
      threw(p);
      parked(p);
    }
  }
};

template <class F>
concept plain_task_function = std::invocable<F&> &&
    std::same_as<std::invoke_result_t<F&>, task<void>>;

template <class F>
concept acknowledging_task_function = std::invocable<F&, init_ack> &&
    std::same_as<std::invoke_result_t<F&, init_ack>, task<void>>;

template <class F>
class task_function_body final : public task_body, public pooled {
 public:
  explicit task_function_body(F f)
      : task_body{acknowledging_task_function<F>}, function_{std::move(f)} {}
  task<void> call(process& p) override {
    if constexpr (acknowledging_task_function<F>) {
      return std::invoke(function_, access::make<init_ack>(p.id()));
    } else {
      return std::invoke(function_);
    }
  }

 private:
  F function_;
};

// The body for a task that is already there, and can be run only once; see single_body.
class COPPICE_API single_task_body final : public task_body {
 public:
  static body_ptr make(task<void> t);
  task<void> call(process& p) override;

 private:
  single_task_body() : task_body{false} {}
  ~single_task_body() override = default;
  void released(void* payload) noexcept override;
};

}  // namespace coppice::detail
