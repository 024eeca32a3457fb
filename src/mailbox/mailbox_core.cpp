#include <coppice/detail/mailbox/mailbox_core.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/mailbox/delayed_send.hpp>
#include <coppice/detail/mailbox/mailbox_monitor.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

#include <utility>

namespace coppice::detail {

// A mailbox is used on one loop's thread, but it may be made before any process runs, and may
// outlive its io_context: addresses of it can be anywhere. So it learns its loop from the first
// process that uses it, and forgets it when the io_context is destroyed. Until then, and after
// that, it belongs to no thread.

mailbox_core::mailbox_core() { used_by_current(); }

mailbox_core::~mailbox_core() = default;

void mailbox_core::used_by_current() {
  scheduler* const s = scheduler::active();
  if (s == nullptr) return;
  if (process* const p = s->current(); p != nullptr) used_by(*p, p->number.load());
}

void mailbox_core::used_by(process& p, std::uint64_t number) {
  // The latest user is the process that ends if a message throws. It is a process and its number,
  // as a process does not clean up the mailboxes it has used.
  user = access::make<pid>(&p, number);
  if (home.load(std::memory_order_relaxed) == &p.home) return;
  home.store(&p.home, std::memory_order_release);
  p.home.members().push_back(*this);
}

void mailbox_core::fail_user() noexcept {
  if (home.load(std::memory_order_relaxed) == nullptr) return;
  if (process* const p = access::slot(user); p != nullptr) p->home.fail(*p);
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
  // Monitors and delayed messages hold an address of this mailbox, which owns them: a cycle of
  // shared pointers, which ends here. The locals destroy them after the members are empty.
  const auto gone = std::exchange(monitors, {});
  const auto undelivered = std::exchange(delayed, {});
  clear();
}

}  // namespace coppice::detail
