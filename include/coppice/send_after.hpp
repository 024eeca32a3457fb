#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/mailbox/delayed_send.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/mailbox.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coppice {

/// Stands for a delayed message: says how long it has to wait, and cancels it.
class COPPICE_API send_timer {
 public:
  send_timer() noexcept = default;

  /// Time left, or nothing if it has been sent, was cancelled, or its mailbox is gone.
  [[nodiscard]] std::optional<std::chrono::steady_clock::duration> remaining() const noexcept;

  /// Stops it. Answers as `remaining()` would have.
  std::optional<std::chrono::steady_clock::duration> cancel() noexcept;

 private:
  friend struct detail::access;

  explicit send_timer(std::weak_ptr<detail::delayed_send> s) noexcept : send_{std::move(s)} {}

  std::weak_ptr<detail::delayed_send> send_;
};

/// Sends a message at a point in time on the scheduler's clock.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `erlang:send_after/4` with `{abs, true}`.
template <class T>
send_timer send_at(const address<T>& to, std::chrono::steady_clock::time_point when,
                   std::type_identity_t<T> message) {
  detail::scheduler& s = detail::here();
  if (to.closed()) return {};
  const auto send = std::make_shared<detail::typed_delayed_send<T>>(s, to, std::move(message));
  detail::start_delayed(send, detail::access::core(to), when);
  return detail::access::make<send_timer>(send);
}

/// Sends a message when that time has passed on the scheduler's clock.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `erlang:send_after/3`.
template <class T>
send_timer send_after(const address<T>& to, std::chrono::steady_clock::duration delay,
                      std::type_identity_t<T> message) {
  return send_at(to, detail::after(detail::here().now(), delay), std::move(message));
}

}  // namespace coppice
