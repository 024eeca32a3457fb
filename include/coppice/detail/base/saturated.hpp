#pragma once

#include <chrono>
#include <concepts>

namespace coppice::detail {

// A duration in whatever unit as one of the clock; what is too long for that is the longest.
template <class Rep, class Period>
constexpr std::chrono::steady_clock::duration saturated(
    std::chrono::duration<Rep, Period> time) noexcept {
  using duration = std::chrono::steady_clock::duration;
  if constexpr (std::same_as<std::chrono::duration<Rep, Period>, duration>) {
    return time;
  } else {
    using wide = std::chrono::duration<long double, duration::period>;
    if (wide{time} >= wide{duration::max()}) return duration::max();
    if (wide{time} <= wide{duration::min()}) return duration::min();
    return std::chrono::duration_cast<duration>(time);
  }
}

}  // namespace coppice::detail
