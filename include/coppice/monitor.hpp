#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/mailbox/mailbox_monitor.hpp>
#include <coppice/down.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <utility>

namespace coppice {

/// Stands for one monitor. Destroying it does nothing; see `demonitor`.
class COPPICE_API monitor_ref {
 public:
  monitor_ref() noexcept = default;
  /// Found in the `down` message. Never used again.
  [[nodiscard]] std::uint64_t id() const noexcept;

 private:
  friend struct detail::access;
  friend COPPICE_API void demonitor(monitor_ref& ref);

  explicit monitor_ref(std::shared_ptr<detail::mailbox_monitor> m) noexcept
      : monitor_{std::move(m)} {}

  std::shared_ptr<detail::mailbox_monitor> monitor_;
};

/// Cancels a monitor and takes its message out of the mailbox if it is there already.
///
/// @par Origin
/// `erlang:demonitor(Ref, [flush])`.
COPPICE_API void demonitor(monitor_ref& ref);

/// Has a `down` put into the mailbox when the process ends, or at once, as noproc, if it has.
///
/// Every call is a monitor of its own. Everything of the process is gone, and its resources free,
/// before the message is sent. Ends with the mailbox.
///
/// @tparam T Constructible from `down`. What that throws ends the process that uses the mailbox.
/// @throws std::logic_error if the process is of another io_context.
/// @par Complexity
/// Constant.
/// @par Origin
/// `erlang:monitor/2`.
template <std::constructible_from<down> T>
monitor_ref monitor(const pid& process, mailbox<T>& box) {
  detail::access::core(box.get_address())->used_by_current();
  return detail::access::make<monitor_ref>(
      detail::add_monitor(process, std::make_shared<detail::typed_monitor<T>>(box.get_address())));
}

}  // namespace coppice
