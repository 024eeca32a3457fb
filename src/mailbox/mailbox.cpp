#include <coppice/mailbox.hpp>

#include <coppice/detail/runtime/scheduler.hpp>

namespace coppice {

namespace detail {

mailbox_monitor::~mailbox_monitor() = default;
mailbox_trap::~mailbox_trap() = default;

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
  p.home.mailboxes().push_back(*this);
}

void mailbox_core::fail_user() noexcept {
  if (home.load(std::memory_order_relaxed) == nullptr) return;
  if (process* const p = user.get(); p != nullptr) p->home.fail(*p);
}

delayed_send::~delayed_send() {
  if (armed()) home->cancel_timer(*this);
}

void delayed_send::due(timer_node& node) {
  auto& self = static_cast<delayed_send&>(node);
  const std::shared_ptr<mailbox_core> box = self.core.lock();
  if (!box) return;
  const auto kept = box->delayed.extract(&self);
  try {
    self.send();
  } catch (...) {
    box->fail_user();
  }
}

void mailbox_core::leave_home() noexcept {
  list_hook::unlink();
  home.store(nullptr, std::memory_order_release);
  user = {};
}

void mailbox_core::close() noexcept {
  leave_home();
  closed = true;
  if (receiver != nullptr) receiver->abort();
  // These refer back to the box, and let go of it here.
  const auto gone = std::exchange(monitors, {});
  const auto undelivered = std::exchange(delayed, {});
  clear();
}

void wake_timer::ring(timer_node& node) {
  auto& self = static_cast<wake_timer&>(node);
  self.position = rung;
  self.target->wake();
}

void wake_timer::begin(waiter& w, duration time) {
  target = &w;
  if (time <= duration::zero()) {
    position = rung;
    w.wake();
    return;
  }
  scheduler& s = w.home();
  s.set_timer(*this, after(s.now(), time));
}

// The one who waits knows where it was set: in the scheduler of its process.
void wake_timer::leave() noexcept {
  if (armed()) target->home().cancel_timer(*this);
}

send_timer start_delayed(std::shared_ptr<delayed_send> s, std::shared_ptr<mailbox_core> core,
                         time_point when) {
  s->core = core;
  s->home->set_timer(*s, when);
  core->delayed.emplace(s.get(), s);
  return send_timer{s};
}

}  // namespace detail

std::optional<std::chrono::steady_clock::duration> send_timer::remaining() const noexcept {
  const auto s = send_.lock();
  if (!s || !s->armed()) return std::nullopt;
  const detail::time_point due = s->home->time_of(*s);
  return due > s->home->now() ? due - s->home->now() : detail::duration::zero();
}

std::optional<std::chrono::steady_clock::duration> send_timer::cancel() noexcept {
  const auto left = remaining();
  if (!left) return left;
  const auto s = send_.lock();
  s->home->cancel_timer(*s);
  if (const auto box = s->core.lock()) box->delayed.erase(s.get());
  return left;
}

}  // namespace coppice
