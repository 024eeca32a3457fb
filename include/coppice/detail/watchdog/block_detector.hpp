#pragma once

#include <coppice/detail/base/timer_queue.hpp>

#include <chrono>

namespace coppice::detail {

// Decides whether a loop is blocked, from what a thread beside it sees at regular looks.
//
// The loop moves when work of coppice's begins or ends, and when a ping is answered: a handler that
// waits for its turn in the queue of the io_context. If a ping waits, and for four looks in a row
// nothing has moved, then somebody holds the loop up, or nobody runs it. Which of the two is for
// the owner to examine, once until the loop moves again.
//
// Looks are counted, and not the time: a program that was stopped as a whole has looked as little
// as it has moved.
//
// A ping wakes a loop that sleeps. So it is posted when the loop is awake, as it has begun work and
// is still at it; and otherwise a few times a second.
class block_detector {
 public:
  enum class step { nothing, post_ping, examine };

  static constexpr int looks_in_limit = 4;
  static constexpr duration ping_pause = std::chrono::milliseconds{250};

  // `moved`: work has begun or ended since the look before. `at_work`: it is under way right now.
  [[nodiscard]] step look(bool moved, bool at_work, time_point now) noexcept {
    if (moved) move(now);
    if (!pinged_) {
      if (!(moved && at_work) && now < next_ping_) return step::nothing;
      pinged_ = true;
      next_ping_ = after(now, ping_pause);
      move(now);
      return step::post_ping;
    }
    if (moved || examined_ || ++quiet_looks_ < looks_in_limit) return step::nothing;
    examined_ = true;
    return step::examine;
  }

  // The ping has come out of the queue, or could not be posted.
  void ping_is_over(time_point now) noexcept {
    pinged_ = false;
    move(now);
  }
  void move(time_point now) noexcept {
    since_ = now;
    quiet_looks_ = 0;
    examined_ = false;
  }

  // The time from which on the loop has not moved. It has not moved for a while before that either,
  // but for less than the time between two looks.
  [[nodiscard]] time_point since() const noexcept { return since_; }

 private:
  bool pinged_ = false;
  bool examined_ = false;
  int quiet_looks_ = 0;
  time_point since_{};
  time_point next_ping_ = time_point::min();
};

}  // namespace coppice::detail
