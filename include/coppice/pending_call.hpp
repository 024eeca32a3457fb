#pragma once

#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/server_call.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace coppice {

/// An answer, or what was in its way.
template <class R>
using call_result = boost::system::result<R>;

namespace detail {

// What a call that is done has come to.
template <class R>
call_result<R> result_of(typed_slot<R>& slot) {
  if (!slot.value) return slot.error;
  if constexpr (std::is_void_v<R>) {
    return {};
  } else {
    return std::move(*slot.value);
  }
}

template <class R>
struct response_wait {
  slot_ptr<R> slot;
  std::optional<duration> limit;
  wake_timer timer{};
  waiter* self = nullptr;

  [[nodiscard]] scheduler& home() const noexcept { return slot->home; }
  void begin(waiter& w) {
    if (slot->caller != nullptr) slot->caller->abort();
    slot->caller = self = &w;
    if (slot->done()) {
      w.wake();
    } else if (limit) {
      timer.begin(w, *limit);
    }
  }
  [[nodiscard]] bool ready() const noexcept { return slot->done() || timer.has_rung(); }
  void leave() noexcept {
    if (!slot) return;
    if (slot->caller == self) slot->caller = nullptr;
    timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    if (!slot->done()) slot->fail(errc::timeout);
    slot->taken = true;
    complete_call(*slot.get(), std::forward<Handler>(h));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    abort_call<R>(std::forward<Handler>(h));
  }
};

// The same for those who may want to wait again: tells no more than whether it is done.
template <class R>
struct arrival_wait : response_wait<R> {
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, this->slot->done());
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted}, false);
  }
};

}  // namespace detail

/// A call that was sent, and whose answer is fetched later (`server_ref::send_request`). Dropping it
/// throws the answer away.
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
  pending_call& operator=(pending_call&&) noexcept = default;

  /// `R r = co_await request.receive_response();` waits for the answer and takes it. When the time
  /// is up the call is given up: `errc::timeout`, and a late answer is thrown away. Other errors as
  /// of `server_ref::call`.
  ///
  /// @throws std::logic_error at once, if the answer was taken.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and the answer can be waited for again.
  [[nodiscard]] auto receive_response(
      std::optional<std::chrono::steady_clock::duration> limit = std::nullopt) {
    return detail::operation<typename detail::call_signature<R>::type, detail::response_wait<R>>{
        {get(), limit}};
  }

  /// `bool there = co_await request.wait_response(1s);` waits until `check_response` has something
  /// to tell, or the time is up; the call goes on.
  [[nodiscard]] auto wait_response(
      std::optional<std::chrono::steady_clock::duration> limit = std::nullopt) {
    return detail::operation<void(boost::system::error_code, bool), detail::arrival_wait<R>>{
        {{get(), limit}}};
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

  /// For coppice's own use.
  explicit pending_call(detail::slot_ptr<R> slot) noexcept : slot_{std::move(slot)} {}
  [[nodiscard]] detail::slot_ptr<R> release() && noexcept { return std::move(slot_); }

 private:
  template <class Reply, class Label>
  friend class request_set;

  [[nodiscard]] const detail::slot_ptr<R>& get() const {
    if (!slot_ || slot_->taken) {
      throw std::logic_error{"coppice: the answer to this call was taken"};
    }
    return slot_;
  }

  detail::slot_ptr<R> slot_;
};

/// One answer out of many.
template <class R, class Label>
struct response {
  Label label;
  call_result<R> result;
  exit_reason failure;  ///< How the server ended, if `result` is `errc::died`.
};

namespace detail {

// The calls of one set.
template <class R, class Label>
struct request_pool {
  struct member {
    Label label;
    slot_ptr<R> slot;
  };

  ~request_pool() {
    for (auto& [slot, m] : members) slot->collector = nullptr;
  }

  void add(Label label, slot_ptr<R> slot) {
    reply_slot& s = *slot.get();
    members.emplace(&s, member{std::move(label), std::move(slot)});
    s.collector = &arrivals;
    if (s.done()) arrivals.done.push_back(s);
  }
  response<R, Label> take() {
    auto& first = static_cast<reply_slot&>(*arrivals.done.front());
    first.unlink();
    first.collector = nullptr;
    auto found = members.extract(&first);
    member& m = found.mapped();
    m.slot->taken = true;
    return {std::move(m.label), result_of(*m.slot.get()), m.slot->reason};
  }

  scheduler* home = nullptr;
  reply_collector arrivals;
  std::unordered_map<reply_slot*, member> members;
};

template <class R, class Label>
struct collection_wait {
  std::shared_ptr<request_pool<R, Label>> pool;
  std::optional<duration> limit;
  wake_timer timer{};
  waiter* self = nullptr;

  [[nodiscard]] scheduler& home() const noexcept { return *pool->home; }
  [[nodiscard]] bool arrived() const noexcept { return !pool->arrivals.done.empty(); }
  void begin(waiter& w) {
    if (pool->arrivals.waiting != nullptr) pool->arrivals.waiting->abort();
    pool->arrivals.waiting = self = &w;
    if (ready()) {
      w.wake();
    } else if (limit) {
      timer.begin(w, *limit);
    }
  }
  [[nodiscard]] bool ready() const noexcept {
    return timer.has_rung() || arrived() || pool->members.empty();
  }
  void leave() noexcept {
    if (!pool) return;
    if (pool->arrivals.waiting == self) pool->arrivals.waiting = nullptr;
    timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    std::optional<response<R, Label>> found;
    boost::system::error_code why;
    if (arrived()) {
      found.emplace(pool->take());
    } else if (!pool->members.empty()) {
      why = errc::timeout;
    }
    std::forward<Handler>(h)(why, std::move(found));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             std::optional<response<R, Label>>{});
  }
};

}  // namespace detail

/// Calls that are under way at the same time, each with a label; their answers are fetched in the
/// order in which they come. One waits for them at a time, as with a `pending_call`.
///
/// @tparam R What the calls are answered with.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Complexity
/// Adding and taking: constant, however many there are.
/// @par Origin
/// `gen_server:reqids_new/0` and what goes with it.
template <class R, class Label = std::size_t>
class request_set {
 public:
  /// Adds a call whose answer has not been taken.
  ///
  /// @throws std::logic_error if it has.
  void add(Label label, pending_call<R> call) {
    pool_->home = &call.get()->home;
    pool_->add(std::move(label), std::move(call.slot_));
  }

  /// Calls whose answers have not been taken yet.
  [[nodiscard]] std::size_t size() const noexcept { return pool_->members.size(); }

  /// `while (auto r = co_await set.receive_response()) ...` waits for the next answer and takes it;
  /// an error of one call is part of its response. Nothing if the set is empty. Fails with
  /// `errc::timeout` when the time is up; the calls go on.
  ///
  /// @throws std::logic_error at once, outside of processes, if nothing was ever added.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`; no answer is lost.
  [[nodiscard]] auto receive_response(
      std::optional<std::chrono::steady_clock::duration> limit = std::nullopt) {
    if (pool_->home == nullptr) pool_->home = &detail::here();
    return detail::operation<
        void(boost::system::error_code, std::optional<response<R, Label>>),
        detail::collection_wait<R, Label>>{{pool_, limit}};
  }

  /// The next answer if one is there.
  [[nodiscard]] std::optional<response<R, Label>> check_response() {
    if (pool_->arrivals.done.empty()) return std::nullopt;
    return pool_->take();
  }

 private:
  std::shared_ptr<detail::request_pool<R, Label>> pool_ =
      std::make_shared<detail::request_pool<R, Label>>();
};

}  // namespace coppice
