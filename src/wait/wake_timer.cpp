#include <coppice/detail/wait/wake_timer.hpp>

namespace coppice::detail {

void wake_timer::expire(timer_node& node) {
  // The queue has set the position to `idle`. A waiter may be woken without cause, so the timer
  // notes that its time has come: has_expired() is how the wait tells the two apart.
  auto& self = static_cast<wake_timer&>(node);
  self.position = expired;
  self.target->wake();
}

void wake_timer::set(waiter& w, duration time) {
  target = &w;
  // No time to wait still means one trip through the run queue: an operation never completes while
  // it is being started.
  if (time <= duration::zero()) {
    position = expired;
    w.wake();
    return;
  }
  scheduler& s = w.home();
  s.set_timer(*this, after(s.now(), time));
}

// The timer does not keep its scheduler: the waiter knows it, and a pointer less makes each wait
// smaller.
void wake_timer::disarm() noexcept {
  if (armed()) target->home().cancel_timer(*this);
}

}  // namespace coppice::detail
