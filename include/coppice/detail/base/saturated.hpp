#pragma once

#include <chrono>
#include <concepts>

namespace coppice::detail {

// A duration in whatever unit as one of the clock; what is too long for that is the longest.
template <class Rep, class Period>
constexpr std::chrono::steady_clock::duration saturated(
    std::chrono::duration<Rep, Period> time) noexcept {
  using unit = std::chrono::steady_clock::duration;
  if constexpr (std::same_as<std::chrono::duration<Rep, Period>, unit>) {
    return time;
  } else {
    using wide = std::chrono::duration<long double, unit::period>;
    if (wide{time} >= wide{unit::max()}) return unit::max();
    if (wide{time} <= wide{unit::min()}) return unit::min();
    return std::chrono::duration_cast<unit>(time);
  }
}

}  // namespace coppice::detail
