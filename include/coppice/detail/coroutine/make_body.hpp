#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/coroutine/task_body.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/executor.hpp>
#include <coppice/init_ack.hpp>

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <functional>
#include <new>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Makes the body of a process from what a user gives: a function that returns a coroutine, with or
// without an init_ack, or a coroutine. A function can be started many times, which a supervisor
// needs; a coroutine runs once.

template <class T>
struct awaitable_executor {};
template <class Executor>
struct awaitable_executor<asio::awaitable<void, Executor>> {
  using type = Executor;
};

template <class T>
concept process_awaitable = requires {
  typename awaitable_executor<T>::type;
}
&&std::convertible_to<executor, typename awaitable_executor<T>::type>;

template <class F>
concept plain_function = std::invocable<F&> && process_awaitable<std::invoke_result_t<F&>>;

template <class F>
concept acknowledging_function =
    std::invocable<F&, init_ack> && process_awaitable<std::invoke_result_t<F&, init_ack>>;

template <plain_function F>
class plain_body final
    : public typed_body<typename awaitable_executor<std::invoke_result_t<F&>>::type>,
      public pooled {
 public:
  explicit plain_body(F f)
      : typed_body<typename awaitable_executor<std::invoke_result_t<F&>>::type>{false},
        function_{std::move(f)} {}
  std::invoke_result_t<F&> call(process&) override { return std::invoke(function_); }

 private:
  F function_;
};

template <acknowledging_function F>
class acknowledging_body final
    : public typed_body<typename awaitable_executor<std::invoke_result_t<F&, init_ack>>::type>,
      public pooled {
 public:
  explicit acknowledging_body(F f)
      : typed_body<typename awaitable_executor<std::invoke_result_t<F&, init_ack>>::type>{true},
        function_{std::move(f)} {}
  std::invoke_result_t<F&, init_ack> call(process& p) override {
    return std::invoke(function_, access::make<init_ack>(p.id()));
  }

 private:
  F function_;
};

// The body for an awaitable that is already there, and can be run only once. All processes with the
// same executor type share one body, so that none is allocated for a spawn: the awaitable travels
// as the payload of the body_ptr.
template <class Executor>
class single_body final : public typed_body<Executor> {
 public:
  static body_ptr make(asio::awaitable<void, Executor> a) {
    static single_body& all = *new single_body;  // never destroyed: processes may outlive statics
    return body_ptr{&all, to_pointer(std::move(a))};
  }

  asio::awaitable<void, Executor> call(process& p) override {
    return to_awaitable(p.what.take_payload());
  }

 private:
  single_body() : typed_body<Executor>{false} {}
  ~single_body() override = default;

  void released(void* payload) noexcept override {
    if (payload == nullptr) return;
    [[maybe_unused]] const auto unused = to_awaitable(payload);
  }

  // An awaitable is one pointer to its frame. Asio has no release(), so the object itself is placed
  // in the storage of a pointer, and moved out of it again.
  static void* to_pointer(asio::awaitable<void, Executor> a) noexcept {
    static_assert(sizeof a == sizeof(void*));
    void* result = nullptr;
    ::new (static_cast<void*>(&result)) asio::awaitable<void, Executor>{std::move(a)};
    return result;
  }
  static asio::awaitable<void, Executor> to_awaitable(void* p) noexcept {
    auto* a = std::launder(reinterpret_cast<asio::awaitable<void, Executor>*>(&p));
    asio::awaitable<void, Executor> result{std::move(*a)};
    a->~awaitable();
    return result;
  }
};

template <class F>
concept task_function = plain_task_function<F> || acknowledging_task_function<F>;

template <class F>
concept process_function =
    plain_function<std::decay_t<F>> || acknowledging_function<std::decay_t<F>> ||
    task_function<std::decay_t<F>>;

template <class F>
concept process_body = process_function<F> || process_awaitable<std::remove_reference_t<F>> ||
    std::same_as<std::remove_reference_t<F>, task<void>>;

// These two only exist for their static_asserts: the first error line of a compiler then says what
// is wrong in words, instead of a failed constraint.
template <class F>
consteval bool check_process_function() {
  static_assert(process_function<F> || !process_body<F>,
                "a child is given as the function that returns its coroutine, not as the "
                "coroutine: it is called for each start");
  static_assert(process_function<F> || process_body<F>,
                "the start of a child is a function without arguments, or with an init_ack, that "
                "returns an asio::awaitable<void> or a coppice::task<>");
  return process_function<F>;
}

template <class F>
consteval bool check_process_body() {
  static_assert(process_body<F>,
                "a process is given as a function without arguments, or with an init_ack, that "
                "returns an asio::awaitable<void> or a coppice::task<>; or as one of these (a "
                "coroutine that returns a value is for coppice::async)");
  return process_body<F>;
}

template <process_body F>
body_ptr make_body(F&& f) {
  using type = std::decay_t<F>;
  if constexpr (process_awaitable<type>) {
    return single_body<typename awaitable_executor<type>::type>::make(std::forward<F>(f));
  } else if constexpr (std::same_as<type, task<void>>) {
    return single_task_body::make(std::forward<F>(f));
  } else if constexpr (task_function<type>) {
    return body_ptr{new task_function_body<type>{std::forward<F>(f)}};
  } else if constexpr (acknowledging_function<type>) {
    return body_ptr{new acknowledging_body<type>{std::forward<F>(f)}};
  } else {
    return body_ptr{new plain_body<type>{std::forward<F>(f)}};
  }
}

}  // namespace coppice::detail
