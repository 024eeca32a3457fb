#pragma once

#include "simulated_system.hpp"

#include <time.h>

#include <chrono>
#include <optional>

namespace coppice::detail {

// The year 2000, at the beginning of each simulation.
constexpr duration wall_offset = std::chrono::seconds{946'684'800} - simulated_system::first;

inline timespec to_timespec(duration d) noexcept {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(d);
  return {whole.count(), static_cast<long>((d - whole).count())};
}
inline duration to_duration(const timespec& t) noexcept {
  constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(duration::max());
  if (t.tv_sec >= most.count()) return duration::max();
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

// How much later a clock is than that of the system; nothing if it is not simulated.
inline std::optional<duration> offset_of(clockid_t which) noexcept {
  switch (which) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME: return duration{};
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE: return wall_offset;
    default: return std::nullopt;
  }
}

// A moment of the wall clock or of the steady clock, whichever it is near to: they are 29 years
// apart, and which one a condition variable goes by is nowhere to be read.
inline duration moment_of(const timespec& t) noexcept {
  const duration given = to_duration(t);
  return given < wall_offset / 2 ? given : given - wall_offset;
}

}  // namespace coppice::detail
