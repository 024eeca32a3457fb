#pragma once

#include <coppice/call_result.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_wait.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/error.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <type_traits>
#include <utility>

namespace coppice::detail {

// Takes the answer, or the error, out of a slot that is done.
template <class R>
call_result<R> result_of(typed_slot<R>& slot) {
  if (!slot.value) return slot.error;
  if constexpr (std::is_void_v<R>) {
    return {};
  } else {
    return std::move(*slot.value);
  }
}

// Waits for the answer to a request that has been sent before. When the time is over, the request
// is given up: an answer that comes later is thrown away.
template <class R>
struct response_wait {
  using signature = completion_signature<R>;
  static constexpr wait_kind kind = wait_kind::answer;

  slot_ptr<R> slot;
  time_limit limit;
  wake_timer timer{};
  waiter* self = nullptr;

  [[nodiscard]] scheduler& home() const noexcept { return slot->home; }
  void arm(waiter& w) {
    begin(w);
    if (timer.armed()) {
      begin_fetch(*slot, home().time_of(timer));
    } else if (timer.has_expired()) {
      begin_fetch(*slot, home().now());
    }
  }
  [[nodiscard]] bool poll() const noexcept { return slot->done() || timer.has_expired(); }
  void disarm() noexcept {
    if (!slot) return;
    if (slot->caller == self) {
      slot->caller = nullptr;
      if (!slot->done()) end_fetch(*slot);
    }
    timer.disarm();
  }
  template <class Handler>
  void complete(Handler&& h) {
    if (!slot->done()) {
      forget_request(*slot);
      slot->fail(errc::timeout);
    }
    slot->taken = true;
    complete_call<R>(slot->value, slot->error, std::forward<Handler>(h));
  }

 protected:
  void begin(waiter& w) {
    // There is at most one waiter. A second one replaces the first, which is aborted.
    if (slot->caller != nullptr) slot->caller->abort();
    slot->caller = self = &w;
    if (slot->done()) {
      w.wake();
    } else {
      timer.arm(w, limit);
    }
  }
};

// Waits likewise, but only tells whether the answer is there, and does not give up the request when
// the time is over: the caller may wait again.
template <class R>
struct arrival_wait : response_wait<R> {
  using signature = void(boost::system::error_code, bool);

  void arm(waiter& w) { this->begin(w); }
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, this->slot->done());
  }
};

}  // namespace coppice::detail
