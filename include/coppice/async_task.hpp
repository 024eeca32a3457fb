#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/make_body.hpp>
#include <coppice/detail/memory.hpp>
#include <coppice/detail/task_core.hpp>
#include <coppice/detail/waiter.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

/// What came of a task: what it returned, or how it ended without. `value()` of one that failed
/// throws the task's own exception.
template <class T>
using task_result = boost::system::result<T, exit_reason>;

/// What becomes of the tasks that `yield_many` has found unfinished when the time was over.
enum class unfinished_tasks : unsigned char {
  nothing,    ///< They can be waited for again.
  ignore,     ///< They go on, and are forgotten, as by `async_task::ignore`.
  kill_task,  ///< They are killed; that is waited for.
};

namespace detail {

template <class T>
struct task_awaitable {};
template <class T, class Executor>
requires std::convertible_to<executor, Executor>
struct task_awaitable<asio::awaitable<T, Executor>> {
  static_assert(!std::is_reference_v<T>, "a task returns a value, not a reference");
  using value_type = T;
  using executor_type = Executor;
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

// An awaitable, as the function that returns it once.
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

  // Once it has replied.
  decltype(auto) take_value() {
    set_taken();
    if constexpr (!std::is_void_v<T>) {
      T value = std::move(*value_);
      value_.reset();
      return value;
    }
  }

  // Once it has settled.
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

// What a task does: its function, and then it says what that has returned.
template <async_function F>
class async_body final : public typed_body<typename awaitable_of<F>::executor_type>, public pooled {
 public:
  using value_type = typename awaitable_of<F>::value_type;
  using executor_type = typename awaitable_of<F>::executor_type;

  async_body(F f, task_origin o)
      : typed_body<executor_type>{false}, function_{std::move(f)}, origin_{std::move(o)} {}

  void prepare(process& p) override { origin_.prepare(p); }
  asio::awaitable<void, executor_type> call(process& p) override { return run(p, *this); }

 private:
  static asio::awaitable<void, executor_type> run(process& p, async_body& body) {
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
struct task_signature {
  using type = void(boost::system::error_code, T);
};
template <>
struct task_signature<void> {
  using type = void(boost::system::error_code);
};

template <class T>
struct task_await_wait : task_wait {
  using task_wait::task_wait;

  template <class Handler>
  void deliver(Handler&& h) {
    auto& typed = static_cast<typed_task<T>&>(*core);
    if (const auto ec = outcome()) {
      fail(std::forward<Handler>(h), ec);
    } else if constexpr (std::is_void_v<T>) {
      typed.take_value();
      std::forward<Handler>(h)(ec);
    } else {
      std::forward<Handler>(h)(ec, typed.take_value());
    }
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    fail(std::forward<Handler>(h), asio::error::operation_aborted);
  }
  template <class Handler>
  static void fail(Handler&& h, boost::system::error_code why) {
    if constexpr (std::is_void_v<T>) {
      std::forward<Handler>(h)(why);
    } else {
      std::forward<Handler>(h)(why, T{});
    }
  }
};

template <class T>
using optional_result = std::optional<task_result<T>>;

template <class T>
struct task_yield_wait : task_wait {
  using task_wait::task_wait;

  template <class Handler>
  void deliver(Handler&& h) {
    optional_result<T> result;
    boost::system::error_code ec;
    if (busy) {
      ec = asio::error::already_started;
    } else if (core->settled()) {
      result.emplace(static_cast<typed_task<T>&>(*core).take());
    }
    std::forward<Handler>(h)(ec, std::move(result));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             optional_result<T>{});
  }
};

template <class T>
struct typed_shutdown_wait : task_shutdown_wait {
  using task_shutdown_wait::task_shutdown_wait;

  template <class Handler>
  void deliver(Handler&& h) {
    optional_result<T> result;
    boost::system::error_code ec;
    if (busy) {
      ec = asio::error::already_started;
    } else if (obeyed()) {
      core->forget(core->reason);
    } else {
      result.emplace(static_cast<typed_task<T>&>(*core).take());
    }
    std::forward<Handler>(h)(ec, std::move(result));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    task_yield_wait<T>::deliver_abort(std::forward<Handler>(h));
  }
};

template <class T>
struct many_signature {
  using type = void(boost::system::error_code, std::vector<T>);
};
template <>
struct many_signature<void> {
  using type = void(boost::system::error_code);
};

template <class T>
struct await_many_wait : task_group_wait {
  using task_group_wait::task_group_wait;

  template <class Handler>
  void deliver(Handler&& h) {
    const auto ec = outcome();
    if constexpr (std::is_void_v<T>) {
      if (!ec) {
        for (const task_ptr& c : cores) static_cast<typed_task<T>&>(*c).take_value();
      }
      std::forward<Handler>(h)(ec);
    } else {
      std::vector<T> values;
      if (!ec) {
        values.reserve(cores.size());
        for (const task_ptr& c : cores) {
          values.push_back(static_cast<typed_task<T>&>(*c).take_value());
        }
      }
      std::forward<Handler>(h)(ec, std::move(values));
    }
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    const boost::system::error_code ec{asio::error::operation_aborted};
    if constexpr (std::is_void_v<T>) {
      std::forward<Handler>(h)(ec);
    } else {
      std::forward<Handler>(h)(ec, std::vector<T>{});
    }
  }
};

template <class T>
struct yield_many_wait : task_group_wait {
  using task_group_wait::task_group_wait;

  template <class Handler>
  void deliver(Handler&& h) {
    std::vector<optional_result<T>> results(cores.size());
    boost::system::error_code ec;
    if (busy) ec = asio::error::already_started;
    for (std::size_t i = 0; i < cores.size() && !busy; ++i) {
      if (tells(i)) results[i].emplace(static_cast<typed_task<T>&>(*cores[i]).take());
    }
    std::forward<Handler>(h)(ec, std::move(results));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             std::vector<optional_result<T>>{});
  }
};

}  // namespace detail

/// A task: a process that is started for what it returns. The process that starts it owns it, and
/// only that one may wait for it.
///
/// A handle, to be moved and not copied. Destroying it stops nothing: the task goes on, and what it
/// returns is thrown away. Once its outcome has been told, or it was given up, the handle is of no
/// further use: waiting for it gives noproc.
///
/// Every function throws std::logic_error at once, before anything is awaited, if the handle is
/// empty or the caller is not the owner. One operation at a time can wait for a task; others fail
/// with `asio::error::already_started`.
///
/// @tparam T What it returns: movable, or void.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// Elixir's Task. Differs: what failed is told as an error or a result, where Elixir ends the
/// caller.
template <class T>
class [[nodiscard]] async_task {
 public:
  using value_type = T;
  using time_limit = std::optional<std::chrono::steady_clock::duration>;

  /// Empty.
  async_task() noexcept = default;

  /// Whether it stands for a task, be it one whose outcome has been told.
  explicit operator bool() const noexcept { return static_cast<bool>(core_); }

  /// Who started it.
  [[nodiscard]] pid owner() const { return core().owner; }
  /// The process that runs it, alive or not. An empty pid as long as its supervisor, if it has one,
  /// has not come to start it.
  [[nodiscard]] pid process() const { return core().task; }

  /// `T value = co_await task.await();` waits for what the task returns.
  ///
  /// Fails with
  /// - `errc::died`, if it ended without returning, be it with reason normal; `failure()` says how;
  /// - `errc::timeout`; the task goes on, is not watched any more, and what it returns later is
  ///   destroyed. A link to it remains;
  /// - `errc::max_children`, or whatever else its supervisor has refused it for;
  /// - `errc::noproc`, if its outcome was told before, or it was given up; or if its supervisor is
  ///   not there.
  ///
  /// A linked task that crashes ends its owner by the link, unless that traps exits.
  ///
  /// @param limit For how long to wait; nothing: without limit. What is there already wins.
  /// @throws std::logic_error at once, if the caller is not the owner.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and the task can be waited for again.
  /// @par Origin
  /// `Task.await/2`. Differs: it fails, where that exits.
  [[nodiscard]] auto await(time_limit limit = std::chrono::seconds{5}) & {
    static_assert(
        std::is_void_v<T> || std::default_initializable<T>,
        "async_task<T>::await() needs a T that can be made without arguments (a task that "
        "failed has none to give); yield() does not");
    return detail::operation<typename detail::task_signature<T>::type, detail::task_await_wait<T>>{
        {checked(), limit}};
  }
  void await(time_limit limit = {}) && = delete;

  /// `std::optional<task_result<T>> result = co_await task.yield(100ms);` waits for the outcome,
  /// and gives nothing if there is none in that time. It can be repeated then.
  ///
  /// A task that has failed gives the reason, noproc if its outcome was told before.
  ///
  /// @throws std::logic_error at once, if the caller is not the owner.
  /// @par Cancellation
  /// As `await`.
  /// @par Origin
  /// `Task.yield/2`.
  [[nodiscard]] auto yield(time_limit limit = std::chrono::seconds{5}) & {
    return detail::operation<void(boost::system::error_code, std::optional<task_result<T>>),
                             detail::task_yield_wait<T>>{{checked(), limit}};
  }
  void yield(time_limit limit = {}) && = delete;

  /// `std::optional<task_result<T>> result = co_await task.shutdown();` ends the task and waits
  /// until it is gone.
  ///
  /// The link is cut first. Then the task is asked to stop, with reason shutdown, and killed if it
  /// takes longer than it has; with `brutal_kill` it is killed at once.
  ///
  /// @param how For how long it may take.
  /// @return What it has returned, if it had or does in time. Nothing if it stopped as asked: with
  ///   reason shutdown, or, under `brutal_kill`, killed. Otherwise how it ended: killed, if it took
  ///   too long; noproc, if its outcome was told before.
  /// @throws std::logic_error at once, if the caller is not the owner.
  /// @throws std::invalid_argument if the time is negative.
  /// @par Cancellation
  /// Any type, and the end of the owner: the task is killed.
  /// @par Origin
  /// `Task.shutdown/2`.
  [[nodiscard]] auto shutdown(coppice::shutdown how = std::chrono::seconds{5}) & {
    return detail::operation<void(boost::system::error_code, std::optional<task_result<T>>),
                             detail::typed_shutdown_wait<T>>{{checked(), how}};
  }
  void shutdown(coppice::shutdown how = std::chrono::seconds{5}) && = delete;

  /// Gives up the task: cuts the link and throws away what it returns.
  ///
  /// @return Its outcome, if that is there already.
  /// @throws std::logic_error if the caller is not the owner.
  /// @par Origin
  /// `Task.ignore/1`.
  std::optional<task_result<T>> ignore() {
    auto& c = *checked();
    c.unlink_owner();
    if (c.settled()) return c.take();
    c.forget(exit_reason::noproc());
    return std::nullopt;
  }

  /// How the task ended, or why it was not started, after `await` has failed; timeout, if it has
  /// taken too long.
  [[nodiscard]] const exit_reason& failure() const { return core().reason; }

  /// For coppice's own use.
  explicit async_task(boost::intrusive_ptr<detail::typed_task<T>> core) noexcept
      : core_{std::move(core)} {}
  [[nodiscard]] const boost::intrusive_ptr<detail::typed_task<T>>& checked() const {
    core().check_owner();
    return core_;
  }

 private:
  [[nodiscard]] detail::typed_task<T>& core() const {
    if (!core_) throw std::logic_error{"coppice: an empty handle is no task"};
    return *core_;
  }

  boost::intrusive_ptr<detail::typed_task<T>> core_;
};

/// Starts a task linked to the calling process, which is its owner, and returns at once; nothing of
/// the task has run by then.
///
///     auto adding = coppice::async(add(numbers));      // asio::awaitable<int> add(...)
///     ...
///     int sum = co_await adding.await();
///
/// If the task crashes, so does the owner, unless it traps exits; and if the owner ends other than
/// with reason normal, so does the task. `task_supervisor_ref::async_nolink` has neither.
///
/// @param f A callable that returns an `asio::awaitable<T>`, or such an awaitable itself; with any
///   executor type that `spawn` accepts. It is moved in, and lives as long as the task.
/// @param label Shown in reports.
/// @throws std::logic_error outside of processes.
/// @par Complexity
/// Constant, as `spawn_link`, and one more block from the pool.
/// @par Origin
/// `Task.async/1`.
template <detail::task_source F>
async_task<detail::task_value_t<F>> async(F&& f, std::string_view label = {}) {
  detail::process& me = detail::calling_process();
  boost::intrusive_ptr<detail::typed_task<detail::task_value_t<F>>> core{
      new detail::typed_task<detail::task_value_t<F>>{me.home, me.id(),
                                                      detail::task_core::tie::link}};
  detail::spawn_task(
      me.home, detail::make_task_body(std::forward<F>(f), {.core = core,
                                                           .callers = detail::callers_through(&me),
                                                           .label = std::string{label}}));
  return async_task<detail::task_value_t<F>>{std::move(core)};
}

/// A range of tasks that all return the same.
template <class Range>
concept task_range = std::ranges::input_range<Range> &&
    requires(std::ranges::range_reference_t<Range> task) {
  typename std::remove_cvref_t<decltype(task)>::value_type;
  requires std::same_as<std::remove_cvref_t<decltype(task)>,
                        async_task<typename std::remove_cvref_t<decltype(task)>::value_type>>;
};

namespace detail {

template <task_range Tasks>
using many_value_t =
    typename std::remove_cvref_t<std::ranges::range_reference_t<Tasks>>::value_type;

template <task_range Tasks>
std::vector<task_ptr> cores_of(Tasks&& tasks) {
  std::vector<task_ptr> cores;
  for (const auto& task : tasks) cores.emplace_back(task.checked());
  return cores;
}

}  // namespace detail

/// `std::vector<T> values = co_await await_many(tasks);` waits for what all the tasks return, in
/// their order. For void it completes with nothing.
///
/// Fails as `async_task::await` does, and as soon as one of them fails, or if not all have returned
/// in time. Then none of them is watched any more; `failure()` of each says what is known of it.
///
/// @param tasks Need not outlive the call.
/// @throws std::logic_error at once, if the caller does not own them all.
/// @par Cancellation
/// As `async_task::await`.
/// @par Origin
/// `Task.await_many/2`.
template <task_range Tasks>
[[nodiscard]] auto await_many(
    Tasks&& tasks,
    std::optional<std::chrono::steady_clock::duration> limit = std::chrono::seconds{5}) {
  using value_type = detail::many_value_t<Tasks>;
  detail::await_many_wait<value_type> wait{detail::calling_process().home, detail::cores_of(tasks),
                                           limit};
  wait.stop_at_failure = true;
  return detail::operation<typename detail::many_signature<value_type>::type,
                           detail::await_many_wait<value_type>>{std::move(wait)};
}

/// How `yield_many` waits.
struct yield_many_options {
  /// For how long, all in all; nothing: without limit.
  std::optional<std::chrono::steady_clock::duration> limit = std::chrono::seconds{5};
  /// Returns early when so many have an outcome; the others can be waited for again.
  std::size_t at_most = std::numeric_limits<std::size_t>::max();
  /// What becomes of those that have none when the time is over.
  unfinished_tasks on_timeout = unfinished_tasks::nothing;
};

/// `std::vector<std::optional<task_result<T>>> results = co_await yield_many(tasks, options);`
/// waits for the outcomes of several tasks; in their order, and nothing for one that has none.
///
/// Those that `kill_task` has ended have none either, unless they returned, or failed, in between.
///
/// @param tasks Need not outlive the call.
/// @throws std::logic_error at once, if the caller does not own them all.
/// @par Cancellation
/// As `async_task::await`.
/// @par Origin
/// `Task.yield_many/2`; `at_most` is its `:limit`.
template <task_range Tasks>
[[nodiscard]] auto yield_many(Tasks&& tasks, yield_many_options o = {}) {
  using value_type = detail::many_value_t<Tasks>;
  detail::yield_many_wait<value_type> wait{detail::calling_process().home, detail::cores_of(tasks),
                                           o.limit};
  if (o.at_most < wait.enough) wait.enough = o.at_most;
  wait.on_timeout = o.on_timeout;
  return detail::operation<void(boost::system::error_code,
                                std::vector<std::optional<task_result<value_type>>>),
                           detail::yield_many_wait<value_type>>{std::move(wait)};
}

/// Starts a process that nobody waits for, as `spawn` does, but as a task: it knows on whose behalf
/// it works (`callers`), and its crash is told as that of a task.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `Task.start/1`.
template <detail::task_source F>
pid start_task(F&& f, std::string_view label = {}) {
  detail::process& me = detail::calling_process();
  return detail::spawn_task(
      me.home, detail::make_task_body(std::forward<F>(f), {.core = {},
                                                           .callers = detail::callers_through(&me),
                                                           .label = std::string{label}}));
}

/// The same, linked to the calling process.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `Task.start_link/1`.
template <detail::task_source F>
pid start_task_link(F&& f, std::string_view label = {}) {
  const pid task = start_task(std::forward<F>(f), label);
  link(task);
  return task;
}

}  // namespace coppice
