#pragma once

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <chrono>
#include <concepts>
#include <new>
#include <optional>
#include <utility>

namespace coppice {

/// The answer to one call, still to be given. Answer once, at any time, from anywhere, as long as
/// the io_context of the call lives; destroyed unanswered, it fails the call with `errc::no_reply`.
/// The server may be gone: then nothing happens. One that was not answered must not outlive the
/// io_context.
///
/// If another thread destroys it unanswered, and there is no memory to tell the loop, the caller
/// waits until its time is over, or the server has ended.
///
/// @par Thread safety
/// Distinct objects: safe, on any thread; `deadline` and `is_awaited` only on the loop's thread.
/// @par Origin
/// The `From` of `handle_call/3`, with `gen_server:reply/2`. Replying twice cannot be written.
template <class R>
class reply_to {
 public:
  reply_to(reply_to&&) noexcept = default;
  reply_to& operator=(reply_to&& other) noexcept {
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~reply_to() {
    try {
      on_loop(std::move(slot_), [](detail::typed_slot<R>& slot) { slot.give_up(); });
    } catch (const std::bad_alloc&) {
      // It is destroyed on another thread, and there is no memory to tell the loop: the caller waits
      // until its time is over, or the server has ended.
    }
  }

  /// Answers. Nobody may be waiting any more; then nothing happens.
  template <class... Value>
    requires std::constructible_from<detail::reply_value<R>, Value...>
  void operator()(Value&&... value) && {
    // First of all: if that throws, the answer has not been given.
    detail::reply_value<R> made(std::forward<Value>(value)...);
    on_loop(std::move(slot_), [value = std::move(made)](detail::typed_slot<R>& slot) mutable {
      if (!slot.done()) slot.value.emplace(std::move(value));
      slot.finish();
    });
  }

  /// Fails the call: it completes with that error.
  void fail(boost::system::error_code why) && {
    on_loop(std::move(slot_), [why](detail::typed_slot<R>& slot) { slot.fail(why); });
  }

  /// Until when the caller waits, on the clock of the scheduler; see
  /// `this_server::caller_deadline`. Nothing once this has answered.
  ///
  /// @throws std::logic_error if another thread runs the io_context.
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> deadline() const {
    return slot_ ? detail::deadline_of(checked("reply_to::deadline")) : std::nullopt;
  }

  /// Whether the caller still waits; see `this_server::caller_waits`. No longer once this has
  /// answered.
  ///
  /// @throws std::logic_error if another thread runs the io_context.
  [[nodiscard]] bool is_awaited() const {
    return slot_ && detail::is_awaited(checked("reply_to::is_awaited"));
  }

 private:
  friend struct detail::access;

  explicit reply_to(detail::slot_ptr<R> slot) noexcept : slot_{std::move(slot)} {}

  template <class F>
  static void on_loop(detail::slot_ptr<R> slot, F f) {
    if (!slot) return;
    detail::scheduler& home = slot->home;
    if (home.on_loop_thread()) {
      f(*slot.get());
    } else {
      // The count of the slot is for the loop's thread only: nothing of it is touched here.
      home.post([slot = std::move(slot), f = std::move(f)]() mutable { f(*slot.get()); });
    }
  }

  [[nodiscard]] detail::reply_slot& checked(const char* function) const {
    slot_->home.check_thread(function);
    return *slot_;
  }

  detail::slot_ptr<R> slot_;
};

}  // namespace coppice
