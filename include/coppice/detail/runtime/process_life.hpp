#pragma once

#include <cassert>

namespace coppice::detail {

// The life of a process, from the run queue to its free slot: plain code, which takes events and says
// what is to be done next. The scheduler does it.
//
// A process ends in this order: its children, then its frames, then it is announced to those who want
// to hear of it. `next_step` is asked again whenever a child or the frames are gone.
//
//   vacant -> spawned -> starting -> live -----------> ended -> vacant
//                |           |         |  exit           ^
//                |           |         v                 | frames gone
//                |           |      exiting -> unwinding-+-----> abandoned -> vacant
//                v exit      v exit    (children)   (frames)  (took too long)
//             revoked -----> ended
class process_life {
 public:
  enum class state : unsigned char {
    vacant,     // the slot is nobody's
    abandoned,  // announced, and nobody's, but its frames are still there
    spawned,    // in the run queue; nothing of it has run
    starting,   // its body is being called, and has no frames yet
    live,       // its body runs or waits
    revoked,    // told to end while it was in the run queue, where it still is
    exiting,    // nothing of it runs any more; its children end first
    unwinding,  // its frames are being destroyed
    ended,      // its frames are gone; its children end, if it has any, and then it is announced
  };

  enum class step : unsigned char { nothing, destroy_frames, announce };

  // What is to be done when the process suspends, or comes to its end.
  enum class pending_end : unsigned char { none, kill, exit };

  [[nodiscard]] state now() const noexcept { return now_; }
  // Nobody's; its number is 0.
  [[nodiscard]] bool is_vacant() const noexcept { return now_ <= state::abandoned; }
  // It will run, but has not.
  [[nodiscard]] bool is_spawned() const noexcept { return now_ == state::spawned; }
  [[nodiscard]] bool is_live() const noexcept {
    return now_ == state::live || now_ == state::starting;
  }
  [[nodiscard]] bool is_exiting() const noexcept { return now_ >= state::revoked; }
  // Exit signals, requests to stop and kills reach it.
  [[nodiscard]] bool takes_signals() const noexcept {
    return now_ >= state::spawned && now_ <= state::live;
  }
  [[nodiscard]] bool has_frames() const noexcept {
    return now_ == state::live || now_ == state::exiting || now_ == state::unwinding ||
           now_ == state::abandoned;
  }
  [[nodiscard]] pending_end pending() const noexcept { return pending_; }

  void spawn() noexcept {
    assert(now_ == state::vacant);
    now_ = state::spawned;
  }

  // It has come to the head of the run queue. False: it was revoked, and does not run.
  [[nodiscard]] bool begin() noexcept {
    assert(now_ == state::spawned || now_ == state::revoked);
    const bool runs = now_ == state::spawned;
    now_ = runs ? state::starting : state::ended;
    return runs;
  }

  // From here on it has frames.
  void enter_body() noexcept {
    assert(now_ == state::starting);
    now_ = state::live;
  }

  // It ends when it suspends next: in order, which prevails, or by a kill.
  void exit_on_suspend() noexcept {
    assert(is_live());
    pending_ = pending_end::exit;
  }
  void kill_on_suspend() noexcept {
    assert(is_live());
    if (pending_ == pending_end::none) pending_ = pending_end::kill;
  }

  // It ends without another step. True: go on with `next_step`; false: when its start comes to the
  // head of the run queue.
  [[nodiscard]] bool exit() noexcept {
    assert(takes_signals());
    pending_ = pending_end::none;
    switch (now_) {
      case state::spawned: now_ = state::revoked; return false;
      case state::starting: now_ = state::ended; return true;
      default: now_ = state::exiting; return true;
    }
  }

  // Its body has come to its end, or its frames have been destroyed. True: go on with `next_step`;
  // false: it was abandoned, and the slot is free now.
  [[nodiscard]] bool end_body() noexcept {
    assert(is_live() || now_ == state::exiting || now_ == state::unwinding ||
           now_ == state::abandoned);
    pending_ = pending_end::none;
    const bool was_abandoned = now_ == state::abandoned;
    now_ = was_abandoned ? state::vacant : state::ended;
    return !was_abandoned;
  }

  [[nodiscard]] step next_step(bool has_children) noexcept {
    assert(now_ == state::exiting || now_ == state::unwinding || now_ == state::ended);
    if (has_children) return step::nothing;
    if (now_ == state::ended) return step::announce;
    if (now_ == state::unwinding) return step::nothing;
    now_ = state::unwinding;
    return step::destroy_frames;
  }

  // Its end is told now. Frames that take too long to go are abandoned by it.
  void announce() noexcept {
    assert(now_ == state::ended || now_ == state::unwinding);
    now_ = now_ == state::ended ? state::vacant : state::abandoned;
  }

 private:
  state now_ = state::vacant;
  pending_end pending_ = pending_end::none;
};

}  // namespace coppice::detail
