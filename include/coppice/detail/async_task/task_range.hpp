#pragma once

#include <coppice/async_task.hpp>
#include <coppice/detail/async_task/task_core.hpp>
#include <coppice/detail/base/access.hpp>

#include <concepts>
#include <ranges>
#include <type_traits>
#include <vector>

namespace coppice {

/// A range of tasks that all return the same.
template <class Range>
concept task_range = std::ranges::input_range<Range> &&
    requires(std::ranges::range_reference_t<Range> task) {
  typename std::remove_cvref_t<decltype(task)>::value_type;
  requires std::same_as<std::remove_cvref_t<decltype(task)>,
                        async_task<typename std::remove_cvref_t<decltype(task)>::value_type>>;
};

namespace detail {

// The waits for several tasks hold their cores, not the handles: a range may be gone before they
// end.
template <task_range Tasks>
using many_value_t =
    typename std::remove_cvref_t<std::ranges::range_reference_t<Tasks>>::value_type;

template <task_range Tasks>
std::vector<task_ptr> cores_of(Tasks&& tasks) {
  std::vector<task_ptr> cores;
  for (const auto& task : tasks) cores.emplace_back(access::checked(task));
  return cores;
}

}  // namespace detail

}  // namespace coppice
