#include <coppice/detail/mailbox/mailbox_core.hpp>

#include <coppice/detail/mailbox/delayed_send.hpp>
#include <coppice/detail/mailbox/mailbox_monitor.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <utility>

namespace coppice::detail {

mailbox_core::mailbox_core() { used_by_current(); }

mailbox_core::~mailbox_core() = default;

void mailbox_core::used_by_current() {
  scheduler* const s = scheduler::active();
  if (s == nullptr) return;
  if (process* const p = s->current(); p != nullptr) used_by(*p, p->number.load());
}

void mailbox_core::used_by(process& p, std::uint64_t number) {
  user = {&p, number};
  if (home.load(std::memory_order_relaxed) == &p.home) return;
  home.store(&p.home, std::memory_order_release);
  p.home.members().push_back(*this);
}

void mailbox_core::fail_user() noexcept {
  if (home.load(std::memory_order_relaxed) == nullptr) return;
  if (process* const p = user.get(); p != nullptr) p->home.fail(*p);
}

void mailbox_core::leave_loop() noexcept {
  list_hook::unlink();
  home.store(nullptr, std::memory_order_release);
  user = {};
}

void mailbox_core::close() noexcept {
  leave_loop();
  closed = true;
  if (receiver != nullptr) receiver->abort();
  // These refer back to the box, and let go of it here.
  const auto gone = std::exchange(monitors, {});
  const auto undelivered = std::exchange(delayed, {});
  clear();
}

}  // namespace coppice::detail
