#pragma once

#include <coppice/async_task.hpp>
#include <coppice/detail/async_task/async_waits.hpp>
#include <coppice/detail/async_task/task_range.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/operation.hpp>
#include <coppice/task_result.hpp>
#include <coppice/time_limit.hpp>
#include <coppice/unfinished_tasks.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace coppice {

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
/// @par Completion Signature
/// `void(error_code, std::vector<T>)`, or `void(error_code)`
template <task_range Tasks>
[[nodiscard]] operation<
    completion_signature<detail::all_values_t<detail::many_value_t<Tasks>>>> auto
await_many(Tasks&& tasks, time_limit limit = std::chrono::seconds{5}) {
  using value_type = detail::many_value_t<Tasks>;
  detail::await_many_wait<value_type> wait{detail::current_process().home, detail::cores_of(tasks),
                                           limit};
  wait.stop_at_failure = true;
  return detail::deferred_wait<detail::await_many_wait<value_type>>{std::move(wait)};
}

/// How `yield_many` waits.
struct yield_many_options {
  /// For how long, all in all; `infinity`: without limit.
  time_limit limit = std::chrono::seconds{5};
  /// Returns early when so many have an outcome; the others can be waited for again.
  std::size_t at_most = std::numeric_limits<std::size_t>::max();
  /// The treatment of the tasks that have no outcome when the time is over.
  unfinished_tasks on_timeout = unfinished_tasks::nothing;
};

/// `std::vector<std::optional<task_result<T>>> results = co_await yield_many(tasks, options);`
/// waits for the outcomes of several tasks; in their order, and nothing for one that has none.
///
/// Tasks that `kill_task` has ended have no outcome either, unless they returned, or failed, in
/// between.
///
/// @param tasks Need not outlive the call.
/// @throws std::logic_error at once, if the caller does not own them all.
/// @par Cancellation
/// As `async_task::await`.
/// @par Origin
/// `Task.yield_many/2`; `at_most` is its `:limit`.
/// @par Completion Signature
/// `void(error_code, std::vector<std::optional<task_result<T>>>)`
template <task_range Tasks>
[[nodiscard]] operation<
    void(boost::system::error_code,
         std::vector<std::optional<task_result<detail::many_value_t<Tasks>>>>)> auto
yield_many(Tasks&& tasks, yield_many_options o = {}) {
  using value_type = detail::many_value_t<Tasks>;
  detail::yield_many_wait<value_type> wait{detail::current_process().home, detail::cores_of(tasks),
                                           o.limit};
  if (o.at_most < wait.wanted) wait.wanted = o.at_most;
  wait.on_timeout = o.on_timeout;
  return detail::deferred_wait<detail::yield_many_wait<value_type>>{std::move(wait)};
}

}  // namespace coppice
