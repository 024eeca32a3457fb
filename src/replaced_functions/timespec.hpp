#pragma once

#include <coppice/detail/base/timer_queue.hpp>

#include <time.h>

#include <chrono>

namespace coppice::detail {

inline timespec to_timespec(duration d) noexcept {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(d);
  return {whole.count(), static_cast<long>((d - whole).count())};
}
inline duration to_duration(const timespec& t) noexcept {
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

}  // namespace coppice::detail
