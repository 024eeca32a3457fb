#pragma once

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/call_stage.hpp>
#include <coppice/time_limit.hpp>

#include <chrono>
#include <concepts>

namespace coppice {

class call_limit;

/// The type of `inherited`.
struct inherited_t {
  explicit inherited_t() = default;

  /// Until the deadline of the caller, and no longer than that limit in any case, which is also the
  /// limit if there is no such deadline.
  [[nodiscard]] constexpr call_limit at_most(time_limit limit) const noexcept;
};

/// The limit of a call that a handler of a server makes: as long as the caller of the message that
/// is being handled waits itself (`this_server::caller_deadline`).
///
///     coppice::task<int> handle(total) {
///       co_return co_await prices_.call(all{}).within(coppice::inherited);
///     }
///
/// So a chain of calls ends where its first caller gives up, and nobody works on for an answer that
/// is thrown away. If there is no deadline (the message is a cast, its caller waits without limit,
/// or no handler runs), the call waits for 5 s, as any other;
/// `within(inherited.at_most(infinity))`: without limit then.
///
/// The deadline is looked up when the call is made. If the time is over by then, the call is sent
/// all the same, and fails with `errc::timeout` unless it is answered at once.
///
/// @par Origin
/// None in OTP, where each call has a limit of its own; the deadlines of gRPC are handed on so.
inline constexpr inherited_t inherited{};

/// For how long a call waits for its answer, at the most: a `time_limit`, or `inherited`.
class call_limit {
 public:
  /// Any limit of its own: a duration, or `infinity`.
  template <std::convertible_to<time_limit> Limit>
  constexpr call_limit(Limit limit) noexcept : own_{limit} {}
  constexpr call_limit(inherited_t) noexcept
      : own_{std::chrono::seconds{5}}, stage_{detail::call_stage::inheriting} {}

 private:
  friend struct inherited_t;
  friend struct detail::access;

  constexpr call_limit(time_limit own, detail::call_stage stage) noexcept
      : own_{own}, stage_{stage} {}

  [[nodiscard]] constexpr time_limit own() const noexcept { return own_; }
  [[nodiscard]] constexpr detail::call_stage stage() const noexcept { return stage_; }

  time_limit own_;
  detail::call_stage stage_ = detail::call_stage::unsent;
};

constexpr call_limit inherited_t::at_most(time_limit limit) const noexcept {
  return {limit, detail::call_stage::capped};
}

}  // namespace coppice
