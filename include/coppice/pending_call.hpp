#pragma once

#include <coppice/call_result.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_wait.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/call/response_wait.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

namespace coppice {

/// A call that was sent, and whose answer is fetched later (`server_ref::send_request`). Dropping
/// it throws the answer away.
///
/// One waits for it at a time: who begins to wait takes the place of who waits already, whose wait
/// completes with `operation_aborted`.
///
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// `gen_server:send_request/2` and what goes with it. Differs: the answer never passes through the
/// caller's mailbox.
template <class R>
class [[nodiscard]] pending_call {
 public:
  pending_call(pending_call&&) noexcept = default;
  pending_call& operator=(pending_call&& other) noexcept {
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~pending_call() {
    if (slot_ && !slot_->done()) detail::forget_request(*slot_);
  }

  /// `R r = co_await request.receive_response();` waits for the answer and takes it. When the time
  /// is up the call is given up: `errc::timeout`, and a late answer is thrown away. Other errors as
  /// of `server_ref::call`.
  ///
  /// @throws std::logic_error at once, if the answer was taken.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and the answer can be waited for again.
  /// @par Completion Signature
  /// `void(error_code, R)`, or `void(error_code)`
  [[nodiscard]] operation<completion_signature<R>> auto receive_response(
      time_limit limit = infinity) {
    return detail::deferred_wait<detail::response_wait<R>>{{get(), limit}};
  }

  /// `bool there = co_await request.wait_response(1s);` waits until `check_response` has something
  /// to tell, or the time is up; the call goes on.
  /// @par Completion Signature
  /// `void(error_code, bool)`
  [[nodiscard]] operation<void(boost::system::error_code, bool)> auto wait_response(
      time_limit limit = infinity) {
    return detail::deferred_wait<detail::arrival_wait<R>>{{{get(), limit}}};
  }

  /// Takes the answer, or what is in the way of one, if it is there.
  ///
  /// @throws std::logic_error if it was taken.
  [[nodiscard]] std::optional<call_result<R>> check_response() {
    if (!get()->done()) return std::nullopt;
    slot_->taken = true;
    return detail::result_of(*slot_.get());
  }

  /// How the server ended, after `errc::died`.
  [[nodiscard]] exit_reason failure() const { return slot_ ? slot_->reason : exit_reason{}; }

 private:
  friend struct detail::access;
  template <class Reply, class Label>
  friend class request_set;

  explicit pending_call(detail::slot_ptr<R> slot) noexcept : slot_{std::move(slot)} {}

  [[nodiscard]] detail::slot_ptr<R> release() && noexcept { return std::move(slot_); }

  [[nodiscard]] const detail::slot_ptr<R>& get() const {
    if (!slot_ || slot_->taken) {
      throw std::logic_error{"coppice: the answer to this call was taken"};
    }
    return slot_;
  }

  detail::slot_ptr<R> slot_;
};

}  // namespace coppice
