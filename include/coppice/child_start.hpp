#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>
#include <coppice/detail/supervisor/supervisor_request.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/process_ref.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <utility>

namespace coppice {

/// A child on its way up, after `start_child`. The start is under way whether or not this is kept.
///
/// If the child is refused, and this is dropped without `ready()` having been awaited to its end,
/// the report `child_refused` tells of it.
class COPPICE_API child_start {
 public:
  /// `started_child child = co_await adding.ready();`
  ///
  /// Fails with `errc::start_failed` (see `failure()`), `already_started`, `already_present`,
  /// `max_children`, `noproc` or `would_deadlock`; nothing was added then. With `already_started`
  /// the completion also brings, as its `process`, the child of that id that runs, or the stranger
  /// who has the name that the child registers.
  ///
  /// For a named object only: g++ 12 destroys twice what a lambda captured by value when the lambda
  /// stands in the awaited expression, so starting and awaiting are two statements.
  /// @par Completion Signature
  /// `void(error_code, started_child)`
  [[nodiscard]] operation<void(boost::system::error_code, started_child)> auto ready() & {
    return detail::deferred_wait<detail::start_wait>{{{{request_, supervisor_}}, started_}};
  }
  template <class Never = void>
  auto ready() && {
    static_assert(
        detail::never<Never>,
        "starting and awaiting are two statements (g++ 12 destroys a lambda twice that "
        "stands in an awaited expression): `auto adding = ...; co_await adding.ready();`");
  }

  /// Why the child did not start, after `ready()` has failed with `errc::start_failed`; or with
  /// `already_started`, if it is a `name_taken`.
  [[nodiscard]] const exit_reason& failure() const noexcept {
    static const exit_reason none;
    return request_ != nullptr ? request_->reason : none;
  }

 private:
  friend struct detail::access;

  explicit child_start(std::shared_ptr<detail::supervisor_request> r,
                       process_ref supervisor) noexcept
      : request_{std::move(r)}, supervisor_{std::move(supervisor)} {}

  child_start(const pid& started, process_ref supervisor) noexcept
      : supervisor_{std::move(supervisor)}, started_{started} {}

  std::shared_ptr<detail::supervisor_request> request_;  // null: the child was started at once
  process_ref supervisor_;
  pid started_;
};

}  // namespace coppice
