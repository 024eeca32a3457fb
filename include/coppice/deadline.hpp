#pragma once

#include <coppice/time_limit.hpp>

#include <chrono>
#include <concepts>

namespace coppice {

/// Until when something may take: for so long from its beginning on, or until a point in time; or
/// `infinity`.
///
/// Converts from what a `time_limit` converts from (`5s`, `infinity`), and from a point in time of
/// `steady_clock`, by the scheduler's clock. Several operations in a row that have one point in
/// time share what is left.
///
/// A limit of zero or less, and a point in time that has passed, are over at once. The latest point
/// in time of `steady_clock` is `infinity`.
class deadline {
 public:
  /// Of `steady_clock`.
  using time_point = std::chrono::steady_clock::time_point;

  /// So long from the moment on at which what has the deadline begins.
  template <std::convertible_to<time_limit> Limit>
  constexpr deadline(Limit limit) noexcept : limit_{limit} {}
  constexpr deadline(time_point when) noexcept : limit_{infinity}, when_{when} {}

  /// Whether it never comes.
  [[nodiscard]] constexpr bool is_infinity() const noexcept {
    return limit_.is_infinity() && when_ == time_point::max();
  }
  /// For how long something may take that begins then; zero or less if it may not at all.
  [[nodiscard]] constexpr time_limit from(time_point begin) const noexcept {
    if (when_ == time_point::max()) return limit_;
    return when_ > begin ? when_ - begin : time_limit::duration::zero();
  }

 private:
  time_limit limit_;
  time_point when_ = time_point::max();
};

}  // namespace coppice
