#pragma once

#include <coppice/detail/call/request_pool.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/operation.hpp>
#include <coppice/pending_call.hpp>
#include <coppice/response.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace coppice {

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
  /// @par Completion Signature
  /// `void(error_code, std::optional<response<R, Label>>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<response<R, Label>>)> auto
  receive_response(time_limit limit = infinity) {
    if (pool_->home == nullptr) pool_->home = &detail::here();
    return detail::deferred_wait<detail::collection_wait<R, Label>>{{pool_, limit}};
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
