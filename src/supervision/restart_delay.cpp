#include <coppice/detail/supervision/restart_delay.hpp>

#include <algorithm>
#include <random>
#include <string_view>

namespace coppice::detail {

namespace {

// FNV-1a: the same with every compiler, as a seed promises the same pauses.
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return h;
}

std::uint64_t any_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) ^ source();
}

double ticks(duration d) noexcept { return static_cast<double>(d.count()); }

}  // namespace

restart_delay::restart_delay(std::string_view id, const restart_backoff& b)
    : backoff_{b},
      drawn_{b.seed ? *b.seed ^ hash_of(id) : any_seed()},
      next_{ticks(b.min)} {}

duration restart_delay::after_run(duration run) noexcept {
  if (run >= backoff_.reset_after.value_or(backoff_.max)) next_ = ticks(backoff_.min);
  return after_failed_start();
}

duration restart_delay::after_failed_start() noexcept {
  const double longest = ticks(backoff_.max);
  double pause = next_ * (1 + backoff_.jitter * (2 * draw() - 1));
  // The longest pause differs from child to child too.
  if (pause > longest) pause = longest * (1 - backoff_.jitter * draw());
  next_ = std::min(longest, next_ * backoff_.factor);
  // A pause has some length, and a double may be larger than what a duration can show.
  if (pause >= longest) return backoff_.max;
  return std::max(duration{1}, duration{static_cast<duration::rep>(pause)});
}

// Gives a number from 0 up to 1, which is left out. The generator is SplitMix64.
double restart_delay::draw() noexcept {
  drawn_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = drawn_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

}  // namespace coppice::detail
