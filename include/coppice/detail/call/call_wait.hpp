#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_stage.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/complete_failed.hpp>
#include <coppice/error.hpp>
#include <coppice/operation.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <type_traits>
#include <utility>

// The wait for the answer to a call, on the loop of the server. (For callers elsewhere the call is
// made there by remote_call.hpp.) The slot tells when it is done; the wait adds a time limit.

namespace coppice::detail {

// Notes for which server a process waits; null: for none any more.
inline void note_awaited(const waiter& w, const answerer* server) noexcept {
  behaviour* const b = w.owner != nullptr ? w.owner->behaviour() : nullptr;
  if (b != nullptr) b->set_awaited(server != nullptr ? server->who() : pid{});
}

// Completes a call: with its answer, or with what is in the way of one.
template <class R, class Handler>
void complete_call(std::optional<reply_value<R>>& value, boost::system::error_code error,
                   Handler&& h) {
  if (!value) {
    complete_failed<completion_signature<R>>(std::forward<Handler>(h), error);
  } else if constexpr (std::is_void_v<R>) {
    std::forward<Handler>(h)(boost::system::error_code{});
  } else {
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(*value));
  }
}

template <class R>
struct call_wait {
  using signature = completion_signature<R>;
  static constexpr wait_kind kind = wait_kind::answer;

  call_ptr<R> call;
  bool given = false;  // the server has it, or it has failed

  [[nodiscard]] scheduler& home() const noexcept { return call->home; }

  // The call of a server that has nothing else to do is handled here, and then costs neither
  // process a turn.
  [[nodiscard]] bool ready(process&) {
    call->terms.holds_caller = true;
    give(delivery::at_once);
    return call->done();
  }
  void arm(waiter& w) {
    if (!given) {
      call->terms.holds_caller = w.holds_body();
      give(delivery::queued);
    }
    call->caller = &w;
    if (call->terms.holds_caller && !call->done()) note_awaited(w, call->asked);
    if (call->done()) {
      w.wake();
    } else {
      call->timer.arm(w, call->terms.limit);
    }
  }
  [[nodiscard]] bool poll() const noexcept { return call->done() || call->timer.has_expired(); }
  void disarm() noexcept {
    if (!call) return;
    if (call->terms.holds_caller && call->caller != nullptr) note_awaited(*call->caller, nullptr);
    call->caller = nullptr;
    call->timer.disarm();
    if (!call->done()) call->terms.stage = call_stage::given_up;
  }
  template <class Handler>
  void complete(Handler&& h) {
    if (!call->done()) {
      // Marked as done, the slot ignores an answer that comes too late.
      call->fail(errc::timeout);
      if (call->terms.or_kill) kill_if_not_started(call->terms.target.whereis());
    }
    if (call->terms.elsewhere && !call->value) call->terms.elsewhere->failure = call->reason;
    complete_call<R>(call->value, call->error, std::forward<Handler>(h));
  }

 private:
  void give(delivery d) {
    given = true;
    call->terms.stage = call_stage::awaited;
    call->send(d);
  }
};

}  // namespace coppice::detail
