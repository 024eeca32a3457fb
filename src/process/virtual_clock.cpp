#include <coppice/virtual_clock.hpp>

#include <coppice/detail/runtime/scheduler.hpp>

namespace coppice {

using detail::after;
using detail::scheduler;

// Tests move the time themselves. Time moves from timer to timer, and everything that is ready runs
// in between: so all happens in the order in which it would happen in real time, and a timer that
// is set on the way is not missed. Timers of Asio itself know nothing of this clock.

virtual_clock::virtual_clock(boost::asio::io_context& io) : io_{io} {
  scheduler::of(io, "virtual_clock").take_over_time();
}

virtual_clock::clock::time_point virtual_clock::now() const { return scheduler::of(io_).now(); }

void virtual_clock::settle() {
  // An io_context that has run out of work is stopped, and does nothing more until it is restarted.
  do {
    io_.restart();
  } while (io_.poll() > 0);
}

void virtual_clock::advance(clock::duration d) {
  settle();
  scheduler& s = scheduler::of(io_);
  const clock::time_point goal = after(s.now(), d);
  for (auto next = s.next_timer(); next && *next <= goal; next = s.next_timer()) {
    s.move_time_to(*next);
    settle();
  }
  s.move_time_to(goal);
  settle();
}

bool virtual_clock::jump() {
  settle();
  scheduler& s = scheduler::of(io_);
  const auto next = s.next_timer();
  if (!next) return false;
  s.move_time_to(*next);
  settle();
  return true;
}

}  // namespace coppice
