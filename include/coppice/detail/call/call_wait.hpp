#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

// The wait for the answer to a call, on the loop of the server.

namespace coppice::detail {

template <class R>
struct call_signature {
  using type = void(boost::system::error_code, R);
};
template <>
struct call_signature<void> {
  using type = void(boost::system::error_code);
};

// Completes a call: with its answer, or with what is in the way of one.
template <class R, class Handler>
void complete_call(typed_slot<R>& slot, Handler&& h) {
  if constexpr (std::is_void_v<R>) {
    std::forward<Handler>(h)(slot.value ? boost::system::error_code{} : slot.error);
  } else {
    static_assert(std::default_initializable<R>,
                  "a reply type can be made without arguments: a call that fails has no other");
    if (slot.value) {
      std::forward<Handler>(h)(boost::system::error_code{}, std::move(*slot.value));
    } else {
      std::forward<Handler>(h)(slot.error, R{});
    }
  }
}
template <class R, class Handler>
void abort_call(Handler&& h) {
  const boost::system::error_code why = asio::error::operation_aborted;
  if constexpr (std::is_void_v<R>) {
    std::forward<Handler>(h)(why);
  } else {
    std::forward<Handler>(h)(why, R{});
  }
}

template <class R>
struct call_wait {
  call_ptr<R> call;

  [[nodiscard]] scheduler& home() const noexcept { return call->home; }

  void begin(waiter& w) {
    call->terms.sent = true;
    call->send();
    call->caller = &w;
    if (call->done()) {
      w.wake();
    } else if (call->terms.limit) {
      call->timer.begin(w, *call->terms.limit);
    }
  }
  [[nodiscard]] bool ready() const noexcept { return call->done() || call->timer.has_expired(); }
  void leave() noexcept {
    if (!call) return;
    call->caller = nullptr;
    call->timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    if (!call->done()) {
      call->fail(errc::timeout);
      if (call->terms.or_kill) kill_unless_up(call->terms.target.whereis());
    }
    if (call->terms.failure && !call->value) *call->terms.failure = call->reason;
    complete_call(*call, std::forward<Handler>(h));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    abort_call<R>(std::forward<Handler>(h));
  }
};

}  // namespace coppice::detail
