#include "turn.hpp"

#include <coppice/detail/runtime/scheduler.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <new>
#include <optional>

// A scheduler has one queue for all timers of coppice's, and sets one timer of Asio's (the alarm)
// for the earliest of them: a timer then costs an entry in a heap and no operation of Asio's. A
// test can take the clock over (`virtual_clock`) and move it by hand.

namespace coppice::detail {

// The clock is read at most once in a turn, on the first demand: all work of one turn happens at
// the same time. Outside of a turn each call reads it.
time_point scheduler::now() noexcept {
  if (manual_) return turn_time_;
  if (active_scheduler != this) return clock::now();
  if (!turn_time_valid_) {
    turn_time_ = clock::now();
    turn_time_valid_ = true;
  }
  return turn_time_;
}

// Every turn reads this clock, so it is one that costs a few nanoseconds and is right to a few
// milliseconds, where there is one.
std::uint32_t scheduler::read_rough_time() const noexcept {
  using std::chrono::milliseconds;
  time_point t = turn_time_;
  if (!manual_) {
#if defined(CLOCK_MONOTONIC_COARSE)
    timespec read{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &read);
    t = time_point{std::chrono::seconds{read.tv_sec} + std::chrono::nanoseconds{read.tv_nsec}};
#else
    t = clock::now();
#endif
  }
  const auto since = std::chrono::duration_cast<milliseconds>(t.time_since_epoch());
  return static_cast<std::uint32_t>(since.count());
}

void scheduler::set_timer(timer_node& node, time_point when) {
  timers_.set(node, when);
  arm();
}

// Without a process nobody could use the timer, and it would keep the io_context from running out
// of work.
void scheduler::set_loose_timer(loose_timer& timer, time_point when) {
  if (alive_ == 0 || down_) return;
  set_timer(timer, when);
  loose_timers_.push_back(timer);
}

void scheduler::give_up_loose_timers() noexcept {
  while (!loose_timers_.empty()) {
    auto& timer = static_cast<loose_timer&>(*loose_timers_.front());
    timer.unlink();
    timers_.cancel(timer);
    timer.given_up(timer);
  }
}

// Sets the alarm if a timer is earlier than the alarm. A cancelled timer leaves the alarm as it is:
// an alarm that finds nothing due is cheaper than setting it anew for every wait that ends in time.
// If there is no memory for it, the loop goes on turning until there is.
void scheduler::arm() noexcept {
  alarm_failed_ = false;
  if (manual_ || down_ || timers_.empty() || timers_.earliest() >= alarm_at_) return;
  const auto ring = [this](const boost::system::error_code& ec) {
    if (ec) return;  // set for an earlier time, or cancelled
    alarm_at_ = time_point::max();
    take_turn([this] { fire_due(); });
    arm();
  };
  alarm_at_ = timers_.earliest();
  try {
    alarm_.expires_at(alarm_at_);
    alarm_.async_wait(handler_in_room{room_of_alarm_, ring});
  } catch (const std::bad_alloc&) {
    alarm_at_ = time_point::max();
    alarm_failed_ = true;
    if (!drain_posted_) post_drain();
  }
}

void scheduler::fire_due() {
  // A timer leaves the queue before it fires, since it may be set again, or destroyed, by that.
  const time_point due = now();
  while (!timers_.empty() && timers_.earliest() <= due && timers_.earliest() != end_of_time) {
    timer_node& node = timers_.pop();
    node.fire(node);
  }
}

void scheduler::take_over_time() {
  turn_time_ = now();
  manual_ = true;
  alarm_.cancel();
  alarm_at_ = time_point::max();
}

std::optional<time_point> scheduler::next_timer() const noexcept {
  if (timers_.empty() || timers_.earliest() == end_of_time) return std::nullopt;
  return timers_.earliest();
}

// Manual time never goes back. The work that the timers bring about runs with the io_context's next
// handlers.
void scheduler::move_time_to(time_point when) {
  turn_time_ = std::max(turn_time_, when);
  const at_work here{*this};
  fire_due();
}

}  // namespace coppice::detail
