#pragma once

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <optional>
#include <utility>

namespace coppice::detail {

// A monitor that wakes a waiter when its process ends, and keeps the reason. It can be moved until
// it is in the list of the process.
struct exit_notice final : exit_subscription {
  exit_notice() noexcept = default;
  exit_notice(exit_notice&& other) noexcept : reason{std::move(other.reason)} {}
  void fire(const pid&, const exit_reason& r) noexcept override {
    reason = r;
    target->wake();
  }

  waiter* target = nullptr;
  std::optional<exit_reason> reason{};
};

}  // namespace coppice::detail
