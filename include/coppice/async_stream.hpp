#pragma once

#include <coppice/async_task.hpp>
#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/async_task/stream_core.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

namespace coppice {

/// What happens to a stream when one of its items takes too long.
enum class stream_timeout : unsigned char {
  exit,       ///< The stream ends: what runs is killed, and `next` fails with `errc::timeout`.
  kill_task,  ///< The item's task is killed and its result is timeout; the others go on.
};

namespace detail {
// One per core, at least one.
[[nodiscard]] COPPICE_API std::size_t default_concurrency() noexcept;
}  // namespace detail

/// How `async_stream` goes about it.
struct stream_options {
  /// How many items run at once, at the most; above zero. One per core by default.
  std::size_t max_concurrency = detail::default_concurrency();
  /// Whether results come in the order of the input, or as they are there.
  bool ordered = true;
  /// For how long each item may run; nothing: without limit. Not below zero.
  std::optional<std::chrono::steady_clock::duration> limit = std::chrono::seconds{5};
  stream_timeout on_timeout = stream_timeout::exit;
  /// Under a task supervisor only: how that stops the tasks, when it is to stop.
  coppice::shutdown shutdown = std::chrono::seconds{5};
  /// Of each task; shown in reports.
  std::string label{};
};

namespace detail {

COPPICE_API stream_settings check_stream(stream_options o);

// One item with what is to be done with it.
template <class F, class Item>
struct item_call {
  std::shared_ptr<F> function;
  Item item;
  auto operator()() { return std::invoke(*function, std::move(item)); }
};

template <class Range, class F>
concept streamable = std::ranges::input_range<Range> && std::movable<Range> &&
    std::invocable<F&, std::ranges::range_value_t<Range>> &&
    async_function<item_call<F, std::ranges::range_value_t<Range>>>;

template <class Range, class F>
using stream_call = item_call<F, std::ranges::range_value_t<Range>>;

// The typed part of a stream: the source, and what is done with each item.
template <class Range, class F>
class typed_stream final : public stream_core {
 public:
  using call_type = stream_call<Range, F>;
  using value_type = typename awaitable_of<call_type>::value_type;

  typed_stream(Range range, F f, stream_settings s)
      : stream_core{std::move(s)},
        range_{std::move(range)},
        function_{std::make_shared<F>(std::move(f))} {}

 private:
  using item_type = std::ranges::range_value_t<Range>;

  ~typed_stream() override { close(); }

  bool pull() override {
    if (at_) {
      ++*at_;
    } else {
      at_.emplace(std::ranges::begin(*range_));
    }
    if (*at_ == std::ranges::end(*range_)) return false;
    boost::intrusive_ptr<typed_task<value_type>> core{
        new typed_task<value_type>{home(), consumer(), task_core::tie::none}};
    start(core, make_task_body(call_type{function_, next_item()}, origin(core)));
    return true;
  }

  // The range may refer to what belongs to others: nothing is moved out of it unless it must be.
  item_type next_item() {
    if constexpr (std::constructible_from<item_type, std::ranges::range_reference_t<Range>>) {
      return item_type(**at_);
    } else {
      return item_type(std::ranges::iter_move(*at_));
    }
  }

  void drop_source() noexcept override {
    at_.reset();
    range_.reset();
  }

  std::optional<Range> range_;
  std::optional<std::ranges::iterator_t<Range>> at_;
  std::shared_ptr<F> function_;
};

}  // namespace detail

/// The results of tasks that run for the items of a range, so many at a time.
///
/// The process that first calls `next` is its consumer, and nobody else may call it then. Tasks are
/// started by `next`, and tied to the consumer as by a link: if one of them ends other than with
/// reason normal, so does the consumer, unless it traps exits, in which case that is the item's
/// result; and they end when the consumer does. A consumer that traps exits has no messages of it.
/// (`task_supervisor_ref::async_stream_nolink` ends no consumer.)
///
/// A handle, to be moved and not copied. Destroying it kills the tasks that still run, and leaves
/// nothing of them. It must not outlive the io_context.
///
/// @tparam T What the function returns.
/// @tparam Executor Of the awaitable that it returns.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// The enumerable of `Task.async_stream/3`. Differs: it is consumed by one process, and not anew.
template <class T, class Executor = asio::any_io_executor>
class [[nodiscard]] task_stream {
 public:
  using value_type = task_result<T>;

  task_stream(task_stream&&) noexcept = default;
  task_stream& operator=(task_stream&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~task_stream() {
    if (stream_) stream_->close();
  }

  /// `while (auto item = co_await stream.next()) { ... }`: the next result, or nothing if there is
  /// none any more.
  ///
  /// Pulls items from the range, and starts tasks for them, as long as there is room; goes on with
  /// that while it waits. Between two calls what runs goes on, and nothing is started.
  ///
  /// Fails, with everything that still runs killed first, and gives nothing from then on,
  /// - with what the range has thrown;
  /// - with `errc::timeout`, if an item has taken too long (`stream_timeout::exit`);
  /// - with `errc::max_children`, or whatever else the tasks' supervisor has refused one for.
  ///
  /// @tparam E The executor type of the coroutine that awaits it, if another one than that of the
  ///   function: `stream.next<coppice::executor>()`.
  /// @throws std::logic_error at once, outside of processes, if another process is the consumer, or
  ///   if it is being awaited.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`. The tasks go on, and it may be called again.
  template <class E = Executor>
  [[nodiscard]] asio::awaitable<std::optional<task_result<T>>, E> next() & {
    if (!stream_) throw std::logic_error{"coppice: an empty handle is no stream"};
    stream_->enter();
    return run<E>(stream_);
  }
  template <class E = Executor>
  auto next() && {
    static_assert(detail::never<E>,
                  "starting a stream and awaiting it are two statements: `auto stream = ...; "
                  "co_await stream.next();`");
  }

  /// For coppice's own use.
  explicit task_stream(boost::intrusive_ptr<detail::stream_core> s) noexcept
      : stream_{std::move(s)} {}

 private:
  template <class E>
  static asio::awaitable<std::optional<task_result<T>>, E> run(
      boost::intrusive_ptr<detail::stream_core> stream) {
    const detail::stream_core::turn mine{*stream};
    for (bool waited = false;; waited = true) {
      if (auto* const item = stream->advance(waited); item != nullptr) co_return tell(item);
      if (stream->closed()) co_return std::nullopt;
      detail::operation<void(boost::system::error_code), detail::stream_core::wait> change{
          {stream}};
      co_await std::move(change);
    }
  }

  static task_result<T> tell(detail::stream_core::item* told) {
    const std::unique_ptr<detail::stream_core::item> item{told};
    if (item->late) return {boost::system::in_place_error, exit_reason::timeout()};
    return static_cast<detail::typed_task<T>&>(*item->task).take();
  }

  boost::intrusive_ptr<detail::stream_core> stream_;
};

namespace detail {

template <class Range, class F>
using stream_of = task_stream<typename awaitable_of<stream_call<Range, F>>::value_type,
                              typename awaitable_of<stream_call<Range, F>>::executor_type>;

template <class Range, class F>
stream_of<Range, F> make_stream(Range range, F f, stream_settings s) {
  return stream_of<Range, F>{boost::intrusive_ptr<stream_core>{
      new typed_stream<Range, F>{std::move(range), std::move(f), std::move(s)}}};
}

}  // namespace detail

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
