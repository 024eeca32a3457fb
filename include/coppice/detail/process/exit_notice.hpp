#pragma once

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <optional>
#include <utility>

namespace coppice::detail {

// Wakes somebody who waits for the end of a process, and keeps its reason. It can be moved before it
// is in the list of the process.
struct exit_notice final : exit_subscription {
  exit_notice() noexcept = default;
  exit_notice(exit_notice&& other) noexcept : reason{std::move(other.reason)} {}
  void fire(const pid&, const exit_reason& r) override {
    reason = r;
    target->wake();
  }

  waiter* target = nullptr;
  std::optional<exit_reason> reason{};
};

}  // namespace coppice::detail
