#include <coppice/mailbox.hpp>

#include <coppice/detail/scheduler.hpp>

namespace coppice {

namespace detail {

mailbox_monitor::~mailbox_monitor() = default;
mailbox_trap::~mailbox_trap() = default;
mailbox_core::~mailbox_core() = default;

delayed_send::~delayed_send() {
  if (armed()) home->cancel_timer(*this);
}

void delayed_send::due(timer_node& node) {
  auto& self = static_cast<delayed_send&>(node);
  const std::shared_ptr<mailbox_core> box = self.core.lock();
  if (!box) return;
  const auto kept = box->delayed.extract(&self);
  self.send();
}

void mailbox_core::close() noexcept {
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
  // A time so long that the clock cannot show it means no limit.
  const time_point now = s.now();
  s.set_timer(*this, time < time_point::max() - now ? now + time : time_point::max());
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
  return s->home->time_of(*s) - s->home->now();
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
