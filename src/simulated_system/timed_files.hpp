#pragma once

#include "descriptor.hpp"
#include "simulated_system.hpp"

#include <sys/epoll.h>

#include <cstdint>
#include <optional>

namespace coppice::detail {

// A descriptor of timerfd_create.
class timer_file final : public descriptor {
 public:
  explicit timer_file(simulated_system& s) noexcept : in_{s} {}
  ~timer_file() override { disarm(); }

  [[nodiscard]] std::uint32_t readiness() const noexcept override {
    return expired_ ? std::uint32_t{EPOLLIN} : 0U;
  }
  ssize_t read(std::span<const iovec> into, int flags) override;

  // Without a time it is disarmed.
  void set(std::optional<duration> when) {
    disarm();
    if (!when) return;
    pending_ = in_.at(*when, [this] {
      pending_.reset();
      expired_ = true;
      changed();
    });
  }

 private:
  void disarm() noexcept {
    expired_ = false;
    if (pending_) in_.forget(*pending_);
    pending_.reset();
  }

  simulated_system& in_;
  std::optional<event_queue::key> pending_;
  bool expired_ = false;
};

// A descriptor of eventfd.
class event_file final : public descriptor {
 public:
  explicit event_file(std::uint64_t count) noexcept : count_{count} {}

  [[nodiscard]] std::uint32_t readiness() const noexcept override {
    return count_ > 0 ? std::uint32_t{EPOLLIN | EPOLLOUT} : std::uint32_t{EPOLLOUT};
  }
  ssize_t read(std::span<const iovec> into, int flags) override;
  ssize_t write(std::span<const iovec> from, int flags) override;

 private:
  std::uint64_t count_;
};

}  // namespace coppice::detail
