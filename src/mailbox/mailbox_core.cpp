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

mailbox_core::mailbox_core() {
  // No lock is needed here, since no other thread has an address of the mailbox yet.
  scheduler* const s = scheduler::active();
  if (s == nullptr || s->current() == nullptr) return;
  user = s->current()->id();
  enter_loop(*s);
}

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
  if (home.load(std::memory_order_relaxed) == p.home.serial()) return;
  const auto lock = hold_homeless();
  enter_loop(p.home);
}

void mailbox_core::enter_loop(scheduler& s) noexcept {
  home.store(s.serial(), std::memory_order_release);
  s.members().push_back(*this);
}

void mailbox_core::fail_user() noexcept {
  if (home.load(std::memory_order_relaxed) == 0) return;
  if (process* const p = access::slot(user); p != nullptr) p->home.fail(*p);
}

void mailbox_core::leave_loop() noexcept {
  list_hook::unlink();
  user = {};
  // From here on other threads may send to it directly.
  home.store(0, std::memory_order_release);
}

std::unique_lock<std::recursive_mutex> mailbox_core::hold_homeless() {
  static std::recursive_mutex& guard = *new std::recursive_mutex;  // never destroyed
  return std::unique_lock{guard};
}

void mailbox_core::close() noexcept {
  // A sender that finds the mailbox closed does not touch it.
  auto lock = home.load(std::memory_order_relaxed) == 0 ? hold_homeless()
                                                        : std::unique_lock<std::recursive_mutex>{};
  closed = true;
  if (lock) lock.unlock();
  leave_loop();
  if (receiver != nullptr) receiver->abort();
  // Monitors and delayed messages hold an address of this mailbox, which owns them: a cycle of
  // shared pointers, which ends here. The locals destroy them after the members are empty.
  const auto gone = std::exchange(monitors, {});
  const auto undelivered = std::exchange(delayed, {});
  clear();
}

}  // namespace coppice::detail
