#pragma once

#include <coppice/detail/base/saturated.hpp>

#include <chrono>
#include <concepts>

namespace coppice {

/// The type of `infinity`.
struct infinity_t {
  explicit infinity_t() = default;
};

/// No limit: of a wait, of a start, or of the time in which a child is to stop.
inline constexpr infinity_t infinity{};

/// For how long something may take, at the most; or `infinity`.
///
/// Converts from `infinity`, and from any chrono duration that converts to one of `steady_clock`
/// without loss: `receive(100ms)`, `ref.call(m, infinity)`. It runs on the scheduler's clock, from
/// the moment at which the operation begins. What zero and negative limits do is said where one is
/// taken: a wait ends as soon as the processes that are ready have had their turn, with what is
/// there by then; others refuse them.
///
/// A duration that is too long for `steady_clock`, of 292 years and more, is `infinity`, as is its
/// longest one. There is no default: it is said at each function, and is five seconds for answers.
///
/// @par Origin
/// `timeout()`: milliseconds or `infinity`.
class time_limit {
 public:
  /// Of `steady_clock`.
  using duration = std::chrono::steady_clock::duration;

  /// Any chrono duration; one that is too long is the longest there is.
  template <class Rep, class Period>
  requires std::convertible_to<std::chrono::duration<Rep, Period>, duration>
  constexpr time_limit(std::chrono::duration<Rep, Period> time) noexcept
      : time_{detail::saturated(time)} {}
  constexpr time_limit(infinity_t) noexcept : time_{duration::max()} {}

  /// Whether it never runs out.
  [[nodiscard]] constexpr bool is_infinity() const noexcept { return time_ == duration::max(); }
  /// The longest duration if `is_infinity()`.
  [[nodiscard]] constexpr duration time() const noexcept { return time_; }

  friend constexpr bool operator==(const time_limit&, const time_limit&) noexcept = default;

 private:
  duration time_;
};

}  // namespace coppice
