#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/async_task/async_waits.hpp>
#include <coppice/detail/async_task/stream_core.hpp>
#include <coppice/detail/async_task/task_core.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/task_result.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coppice {

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
  /// What it gives for an item.
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

 private:
  friend struct detail::access;

  explicit task_stream(boost::intrusive_ptr<detail::stream_core> s) noexcept
      : stream_{std::move(s)} {}

  template <class E>
  static asio::awaitable<std::optional<task_result<T>>, E> run(
      boost::intrusive_ptr<detail::stream_core> stream) {
    const detail::stream_core::turn mine{*stream};
    for (bool waited = false;; waited = true) {
      if (auto* const item = stream->advance(waited); item != nullptr) co_return tell(item);
      if (stream->closed()) co_return std::nullopt;
      detail::deferred_wait<detail::stream_core::wait> change{{stream}};
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

}  // namespace coppice
