#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace coppice::detail {

// A trap that turns exit signals into messages of a mailbox. Their tag is the number of the sender
// and this bit, which the ids of monitors never have: so unlink finds a signal that is already
// there.
inline constexpr std::uint64_t signal_tag = std::uint64_t{1} << 63;

class COPPICE_API mailbox_trap : public signal_trap {
 public:
  explicit mailbox_trap(std::weak_ptr<mailbox_core> c) noexcept : core{std::move(c)} {}
  virtual ~mailbox_trap();

  std::weak_ptr<mailbox_core> core;
};

// Removes the link between two processes, and a signal of the other one that has already arrived.
void cut_link(process& me, const pid& other);

COPPICE_API void set_trap(std::shared_ptr<signal_trap> trap);

template <class T>
class typed_trap final : public mailbox_trap {
 public:
  explicit typed_trap(const address<T>& to) : mailbox_trap{access::core(to)}, to_{to} {}
  bool exit_signal(const pid& from, const exit_reason& reason) override {
    if (to_.closed()) return false;  // the signal then acts as on a process without a trap
    try {
      access::send_tagged(to_, T(coppice::exit_signal{from, reason}), from.number() | signal_tag);
    } catch (...) {
      if (const auto box = core.lock()) box->fail_user();
    }
    // The signal counts as taken: the process ends because of the exception, not of the signal.
    return true;
  }

 private:
  address<T> to_;
};

}  // namespace coppice::detail
