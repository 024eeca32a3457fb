#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/async_task/make_stream.hpp>
#include <coppice/stream_options.hpp>
#include <coppice/task_stream.hpp>

#include <utility>

namespace coppice {

/// Does something with every item of a range, in a task for each, with bounded concurrency:
///
///     auto pages = coppice::async_stream(urls, fetch, {.max_concurrency = 8});
///     while (auto page = co_await pages.next()) {
///       if (*page) store(page->value());
///     }
///
/// Returns at once. Nothing is pulled from the range before `next()` is awaited.
///
/// @param range Moved, or copied, in. Pulled from lazily, by the consumer, in one pass; may have no
///   end, and may throw. Its items are copied, or moved if they cannot be.
/// @param f Called in the process of the task, with one item; returns an `asio::awaitable<T>`.
///   Shared by the tasks; it lives as long as any of them.
/// @throws std::invalid_argument naming the rule that an option breaks.
/// @par Complexity
/// Constant an item. What is done before its turn, if ordered, waits for it.
/// @par Origin
/// `Task.async_stream/3`.
template <class Range, class F>
requires detail::streamable<Range, F>
[[nodiscard]] auto async_stream(Range range, F f, stream_options o = {}) {
  return detail::make_stream(std::move(range), std::move(f), detail::check_stream(std::move(o)));
}

}  // namespace coppice
