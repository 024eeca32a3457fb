#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace coppice::detail {

// Random numbers that are the same on every machine and with every standard library (splitmix64).
// Each question has a stream of its own, so that an answer more to one of them leaves the others
// as they are.
class random_stream {
 public:
  random_stream(std::uint64_t seed, std::string_view question) noexcept : state_{seed} {
    for (const char c : question) state_ = mix(state_ ^ static_cast<unsigned char>(c));
    state_ = mix(state_);
  }

  std::uint64_t next() noexcept { return mix(state_ += 0x9e3779b97f4a7c15U); }
  // Below n, which is not 0.
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  bool chance(double c) noexcept {
    return static_cast<double>(next() >> 11U) * 0x1.0p-53 < c;
  }
  // In whole microseconds, which is how exactly Asio's timers wait.
  std::chrono::microseconds between(std::chrono::microseconds least,
                                    std::chrono::microseconds most) noexcept {
    if (most <= least) return least;
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + std::chrono::microseconds{static_cast<std::int64_t>(below(span))};
  }

 private:
  static std::uint64_t mix(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
  }

  std::uint64_t state_;
};

}  // namespace coppice::detail
