#pragma once

#include "random_stream.hpp"

#include <coppice/detail/base/timer_queue.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace coppice::detail {

// The future events of a simulated system, in the order of their times. The seed decides which of
// several events of the same time happens first.
class event_queue {
 public:
  using key = std::pair<duration, std::pair<std::uint64_t, std::uint64_t>>;

  explicit event_queue(std::uint64_t seed) noexcept : ties_{seed, "event order"} {}

  key add(duration at, std::function<void()> what) {
    const key k{at, {ties_.next(), ++sequence_}};
    events_.emplace(k, std::move(what));
    return k;
  }
  // Does nothing if it has happened.
  void remove(const key& k) noexcept { events_.erase(k); }

  [[nodiscard]] std::optional<duration> next() const noexcept {
    if (events_.empty()) return std::nullopt;
    return events_.begin()->first.first;
  }
  // There must be one.
  [[nodiscard]] std::function<void()> pop() {
    return std::move(events_.extract(events_.begin()).mapped());
  }

 private:
  random_stream ties_;
  std::uint64_t sequence_ = 0;
  std::map<key, std::function<void()>> events_;
};

}  // namespace coppice::detail
