#pragma once

#include <cassert>

namespace coppice::detail {

// Decides what a request to stop does to a process, and when. This is plain code, which takes
// events and answers with what the scheduler is to do. Each process has one. All of it runs on the
// loop's thread.
//
// A request cancels what the process waits for, once. Whether the cancellation has found a wait
// cannot be seen from outside: an operation may have completed already, its completion being queued
// in the io_context. But the io_context's queue is first come, first served. So the scheduler posts
// a fence before it emits the cancellation, and a completion that arrives before the fence was not
// caused by the cancellation: the request has missed, and is repeated when the process suspends
// again. Once the process is known to have heard of it, its clean-up is left alone, unless a
// stronger request comes.
//
//   idle      ask -> posted
//   posted    turn -> emitting; or deferred, while a completion of the process is queued
//   deferred  suspended -> posted
//   emitting  emitted -> hit if a wait was found, otherwise emitted
//   emitted   fence -> idle: it was heard; any completion -> deferred: it has missed
//   hit       fence -> idle: it was heard; a completion that comes from Asio -> deferred
//
// A process of which no completion can be in the io_context is told at once: posted becomes idle.
//
// A stronger request leads from idle, emitting, emitted and hit to posted.
//
// A part of the process may be asked to stop as well, while the process goes on: what it awaits
// with a deadline. That is done in the same way, but when the process is idle. What is asked of the
// process meanwhile takes its place, as the parts hear of that too.
//
//   idle      ask_part -> posted
//
// A process that always has a completion on its way, because it finds ready whatever it waits for,
// would have a request put off for ever. So that is done only so often; then the cancellation is
// emitted all the same, though it misses. Parts make sure that they hear of it. As for all of the
// process, the waits of Asio's that its body begins fail until the fence has passed, or until the
// first has failed. A cancellation of which it is not known whether it misses counts as one that
// does when that was so as often again. A process that has had its waits fail at as many turns has
// heard of it.
//
//   posted    turn, while waits fail -> emitted, with a fence and no more; or idle
class stop_request {
 public:
  // The urgency with which a process is asked to end. A stronger request is delivered even though a
  // weaker one was; an equal one is not, so that clean-up is not disturbed.
  enum class level : unsigned char { none, exit_signal, supervisor };

  enum class state : unsigned char {
    idle,      // nobody has asked, or the process has heard of it
    posted,    // its turn is posted
    deferred,  // its turn is posted when the process suspends with nothing of it queued
    emitting,  // the cancellation is being emitted
    emitted,   // the fence is on its way; the cancellation is not known to have found a wait
    hit,       // the fence is on its way; the cancellation has found a wait
  };

  [[nodiscard]] level asked() const noexcept { return asked_; }
  [[nodiscard]] bool was_asked() const noexcept { return asked_ != level::none; }
  [[nodiscard]] state now() const noexcept { return now_; }
  // Tells whether the scheduler is to call `suspended` when the process suspends.
  [[nodiscard]] bool is_deferred() const noexcept { return now_ == state::deferred; }
  // Tells whether the request under way is one to parts of the process, and not to all of it.
  [[nodiscard]] bool is_for_parts() const noexcept { return for_parts_; }
  // Tells whether the cancellation that is being emitted misses what it is for.
  [[nodiscard]] bool misses() const noexcept { return misses_; }
  // Tells whether the waits of Asio's that the body begins are to fail.
  [[nodiscard]] bool waits_fail() const noexcept { return waits_fail_; }
  // Tells whether a completion may be handled where it arrives, out of turn.
  [[nodiscard]] bool lets_run_inline() const noexcept {
    return now_ < state::emitting && yield_ == yield_state::none;
  }

  // The process is asked to stop. One that has not run is ended by the scheduler when its start
  // comes. True: post the turn of the request.
  [[nodiscard]] bool ask(level how, bool has_run) noexcept {
    assert(how != level::none);
    if (how <= asked_) return false;
    asked_ = how;
    for_parts_ = waits_fail_ = false;
    turns_ = 0;
    if (!has_run || now_ == state::posted || now_ == state::deferred) return false;
    now_ = state::posted;
    return true;
  }

  // A part of the process is asked to stop. True: post the turn of the request. False: another one
  // is under way; this is asked again when that is over.
  [[nodiscard]] bool ask_part() noexcept {
    if (now_ != state::idle) return false;
    now_ = state::posted;
    for_parts_ = true;
    turns_ = 0;
    return true;
  }

  // What the process waits for has been cancelled where it was asked, and the process will hear of
  // it: no turn is to be posted. Or the parts that were asked have ended before the turn.
  void delivered() noexcept {
    assert(now_ == state::posted);
    now_ = state::idle;
  }

  // The turn has come. True: post a fence, unless there is one for this turn, and emit the
  // cancellation unless waits fail. `queued`: a completion of the process is queued, for instance
  // of the loser of a race. The request is delivered after that.
  [[nodiscard]] bool turn(bool queued) noexcept {
    assert(now_ == state::posted);
    if (turns_ < (waits_fail_ ? 3 : 2) * most_turns) {
      ++turns_;
    } else if (waits_fail_) {
      wait_has_failed();
      return false;
    }
    const bool insists = turns_ >= most_turns;
    if (queued && (waits_fail_ || !insists)) {
      now_ = state::deferred;
      return false;
    }
    if (waits_fail_) {
      now_ = state::emitted;
      return true;
    }
    now_ = state::emitting;
    misses_ = insists && (queued || turns_ == 2 * most_turns);
    if (yield_ != yield_state::none && !is_for_parts()) {
      yield_ = yield_state::cancelled;
      now_ = state::hit;
    }
    return true;
  }

  // A wait is being cancelled.
  void cancelled_wait() noexcept {
    if (now_ == state::emitting || now_ == state::emitted) now_ = state::hit;
  }

  // The cancellation has been emitted. `found`: something of the process is queued or aborted now.
  // `heard`: the body is certain to hear of it. True: the fence is to confirm it. False if the
  // process was asked anew meanwhile.
  [[nodiscard]] bool emitted(bool found, bool heard) noexcept {
    if (now_ == state::emitting) {
      waits_fail_ = misses_ && !for_parts_ && !heard;
      now_ = found ? state::hit : state::emitted;
    }
    misses_ = false;
    return now_ == state::hit || now_ == state::emitted;
  }

  // A function object of the process has been queued. `by_loop`: it was queued within a turn of the
  // loop, as a cancelled wait does it; otherwise it is a completion that comes from Asio.
  void enqueued(bool by_loop) noexcept {
    if (now_ == state::emitted || (now_ == state::hit && !by_loop)) now_ = state::deferred;
  }

  // The process has suspended. True: post the turn of the request.
  [[nodiscard]] bool suspended(bool queued) noexcept {
    assert(now_ == state::deferred);
    if (queued) return false;
    now_ = state::posted;
    return true;
  }

  // Everything that was queued before the cancellation has run: the process has heard of it.
  void fence_passed() noexcept {
    if (now_ != state::emitted && now_ != state::hit) return;
    now_ = state::idle;
    waits_fail_ = false;
  }

  // A wait of the body has failed where it began, as waits fail: it has heard of the request.
  void wait_has_failed() noexcept {
    assert(waits_fail_);
    now_ = state::idle;
    waits_fail_ = false;
  }

  // The process exits: no request reaches it any more, and none is repeated.
  void exits() noexcept {
    now_ = state::idle;
    waits_fail_ = false;
  }

  // A task of the process yields. That is a wait as well, but in the run queue alone and in no
  // list, so a cancellation is noted here.
  void begin_yield() noexcept {
    assert(yield_ == yield_state::none);
    yield_ = yield_state::waiting;
  }
  // True if the wait was cancelled.
  [[nodiscard]] bool end_yield() noexcept {
    assert(yield_ != yield_state::none);
    const bool cancelled = yield_ == yield_state::cancelled;
    yield_ = yield_state::none;
    return cancelled;
  }

 private:
  static constexpr unsigned char most_turns = 64;

  enum class yield_state : unsigned char { none, waiting, cancelled };

  level asked_ = level::none;
  state now_ = state::idle;
  yield_state yield_ = yield_state::none;
  bool for_parts_ : 1 = false;
  bool misses_ : 1 = false;
  bool waits_fail_ : 1 = false;
  unsigned char turns_ = 0;  // of the request under way, up to three times the most
};

}  // namespace coppice::detail
