#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/down.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace coppice::detail {

// A monitor that sends a message to a mailbox when its process ends. The mailbox owns it until
// then, so that it works without anybody keeping the monitor_ref.
class COPPICE_API mailbox_monitor : public exit_subscription {
 public:
  explicit mailbox_monitor(std::weak_ptr<mailbox_core> c) noexcept : core{std::move(c)} {}
  virtual ~mailbox_monitor();

  std::weak_ptr<mailbox_core> core;
  std::uint64_t id = 0;
};

COPPICE_API std::uint64_t next_monitor_id() noexcept;
COPPICE_API std::shared_ptr<mailbox_monitor> add_monitor(const pid& target,
                                                         std::shared_ptr<mailbox_monitor> m);

template <class T>
class typed_monitor final : public mailbox_monitor {
 public:
  explicit typed_monitor(const address<T>& to) : mailbox_monitor{access::core(to)}, to_{to} {}
  void fire(const pid& process, const exit_reason& reason) noexcept override {
    try {
      access::send_tagged(to_, T(down{id, process, reason}), id);
    } catch (...) {
      if (const auto box = core.lock()) box->fail_user();
    }
    // This destroys the monitor, unless a monitor_ref still holds it: no member is used below.
    if (const auto box = core.lock()) box->monitors.erase(id);
  }

 private:
  address<T> to_;
};

}  // namespace coppice::detail
