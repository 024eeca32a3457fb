#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/detail/async_task/default_concurrency.hpp>
#include <coppice/time_limit.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace coppice {

/// The reaction of a stream to an item that takes too long.
enum class stream_timeout : unsigned char {
  exit,       ///< The stream ends: what runs is killed, and `next` fails with `errc::timeout`.
  kill_task,  ///< The item's task is killed and its result is timeout; the others go on.
};

/// How `async_stream` goes about it.
struct stream_options {
  /// How many items run at once, at the most; above zero. One per core by default.
  std::size_t max_concurrency = detail::default_concurrency();
  /// Whether results come in the order of the input, or as they are there.
  bool ordered = true;
  /// For how long each item may run; `infinity`: without limit. Not below zero.
  time_limit limit = std::chrono::seconds{5};
  /// What happens when the time of an item is over.
  stream_timeout on_timeout = stream_timeout::exit;
  /// Under a task supervisor only: how that stops the tasks, when it is to stop.
  coppice::shutdown shutdown = std::chrono::seconds{5};
  /// The label of each task; shown in reports.
  std::string label{};
};

}  // namespace coppice
