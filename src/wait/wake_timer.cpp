#include <coppice/detail/wait/wake_timer.hpp>

namespace coppice::detail {

void wake_timer::expire(timer_node& node) {
  auto& self = static_cast<wake_timer&>(node);
  self.position = expired;
  self.target->wake();
}

void wake_timer::arm(waiter& w, duration time) {
  target = &w;
  if (time <= duration::zero()) {
    position = expired;
    w.wake();
    return;
  }
  scheduler& s = w.home();
  s.set_timer(*this, after(s.now(), time));
}

// The one who waits knows where it was set: in the scheduler of its process.
void wake_timer::disarm() noexcept {
  if (armed()) target->home().cancel_timer(*this);
}

}  // namespace coppice::detail
