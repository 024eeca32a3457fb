#pragma once

#include <cassert>

namespace coppice::detail {

// The life of a process, from the run queue to the free slot. This is plain code, which takes
// events and says what is to be done next; the scheduler does that. All of it runs on the loop's
// thread.
//
// A process ends in this order: its children end, its frames are destroyed, its end is announced to
// those who want to hear of it. `next_step` is asked again whenever a child or the frames are gone.
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
    vacant,     // the slot has no process
    abandoned,  // the end is announced, but the frames are still there, and keep the slot in use
    spawned,    // the process is in the run queue; nothing of it has run
    starting,   // the body is being called, and has no frames yet
    live,       // the body runs or waits
    revoked,    // the process was told to end while it was in the run queue, where it still is
    exiting,    // the body does not run any more; the children end first
    unwinding,  // the frames are being destroyed
    ended,      // the frames are gone; children may have to end before this is announced
  };

  enum class step : unsigned char { nothing, destroy_frames, announce };

  // An end that is put off until the process suspends, because its frames are on the stack.
  enum class pending_end : unsigned char { none, kill, exit };

  [[nodiscard]] state now() const noexcept { return now_; }
  // The number of the process is 0 then.
  [[nodiscard]] bool is_vacant() const noexcept { return now_ <= state::abandoned; }
  // The process will run, but has not yet.
  [[nodiscard]] bool is_spawned() const noexcept { return now_ == state::spawned; }
  [[nodiscard]] bool is_live() const noexcept {
    return now_ == state::live || now_ == state::starting;
  }
  [[nodiscard]] bool is_exiting() const noexcept { return now_ >= state::revoked; }
  // Exit signals, requests to stop and kills reach the process.
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

  // The spawn could not be finished: there is no process.
  void take_back() noexcept {
    assert(now_ == state::spawned);
    now_ = state::vacant;
  }

  // The process has come to the head of the run queue. False: it was revoked, and does not run.
  [[nodiscard]] bool begin() noexcept {
    assert(now_ == state::spawned || now_ == state::revoked);
    const bool runs = now_ == state::spawned;
    now_ = runs ? state::starting : state::ended;
    return runs;
  }

  // From here on the process has frames.
  void enter_body() noexcept {
    assert(now_ == state::starting);
    now_ = state::live;
  }

  // The process ends when it suspends next: with a reason that is set already, or by a kill. If
  // both are asked for, the reason prevails.
  void exit_on_suspend() noexcept {
    assert(is_live());
    pending_ = pending_end::exit;
  }
  void kill_on_suspend() noexcept {
    assert(is_live());
    if (pending_ == pending_end::none) pending_ = pending_end::kill;
  }

  // The process ends without another step. True: go on with `next_step`. False: the process is
  // still in the run queue, and is ended when it comes to the head of it.
  [[nodiscard]] bool exit() noexcept {
    assert(takes_signals());
    pending_ = pending_end::none;
    switch (now_) {
      case state::spawned: now_ = state::revoked; return false;
      case state::starting: now_ = state::ended; return true;
      default: now_ = state::exiting; return true;
    }
  }

  // The body has come to its end, or the frames have been destroyed. True: go on with `next_step`.
  // False: the process was abandoned, and the slot is free now.
  [[nodiscard]] bool end_body() noexcept {
    assert(is_live() || now_ == state::exiting || now_ == state::unwinding ||
           now_ == state::abandoned);
    pending_ = pending_end::none;
    const bool was_abandoned = now_ == state::abandoned;
    now_ = was_abandoned ? state::vacant : state::ended;
    return !was_abandoned;
  }

  // Gives the next step towards the end. Nothing is to be done while a child or a frame is left.
  [[nodiscard]] step next_step(bool has_children) noexcept {
    assert(now_ == state::exiting || now_ == state::unwinding || now_ == state::ended);
    if (has_children) return step::nothing;
    if (now_ == state::ended) return step::announce;
    if (now_ == state::unwinding) return step::nothing;
    now_ = state::unwinding;
    return step::destroy_frames;
  }

  // The end is announced now. A process whose frames are still there is abandoned by this.
  void announce() noexcept {
    assert(now_ == state::ended || now_ == state::unwinding);
    now_ = now_ == state::ended ? state::vacant : state::abandoned;
  }

 private:
  state now_ = state::vacant;
  pending_end pending_ = pending_end::none;
};

}  // namespace coppice::detail
