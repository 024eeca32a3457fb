#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <utility>

// This is the scheduler's part in a request to stop: it carries out what
// detail/runtime/stop_request.hpp decides. A request is delivered at the head of a turn of its own,
// which is posted when the request is made: completions that were under way then have arrived. No
// other work of coppice's runs from the request to that turn, so that the sender's next messages
// cannot come before the request.

namespace coppice::detail {

// No process takes signals when the io_context is being destroyed: which of them still have frames
// is unknown then.
bool scheduler::takes_signals(const process& p) const noexcept {
  return !down_ && p.life.takes_signals();
}

void scheduler::ask_to_stop(process& p, exit_reason reason,
                            stop_request::level level) noexcept {
  // A process that is about to exit has its reason already.
  if (!takes_signals(p) || p.life.pending() == process_life::pending_end::exit) return;
  if (!p.stop.was_asked()) p.reason = std::move(reason);
  const bool posts = p.stop.ask(level, !p.life.is_spawned());
  see_to_failing_waits(p);
  if (!posts) return;
  // Where nothing can be under way, there is nothing to wait for.
  if (p.waits_here && waiter::abort_waiting(p)) {
    p.stop.delivered();
  } else {
    post_stop(p);
  }
}

void scheduler::ask_part_to_stop(process& p) noexcept {
  if (p.stop.ask_part()) post_stop(p);
}

// One turn delivers all requests that are made before it comes. Posting it cannot fail: its room is
// free while there are none.
void scheduler::post_stop(process& p) noexcept {
  if (stops_.empty()) {
    post_from(room_of_stops_, io_, [this] { take_turn([this] { deliver_stops(); }); });
  }
  stops_.add(p);
}

void scheduler::deliver_stops() noexcept {
  const process_list due = stops_.take();
  bool fence_posted = false;
  const auto is_due = [](const process& p) { return p.stop.now() == stop_request::state::posted; };
  due.for_each(slots_, is_due, [&](process& p) {
    if (!p.life.is_live() || !is_due(p)) return;
    if (p.stop.is_for_parts() && !process_part::any_asked(p)) return p.stop.delivered();
    if (!p.stop.turn(p.queued > 0 || waiter::any_aborted(p))) return request_is_over(p);
    // The fence is posted before the first cancellation is emitted: it must be ahead of whatever
    // that brings about in the io_context's queue.
    if (!fence_posted) {
      post_fence();
      fence_posted = true;
    }
    if (p.stop.waits_fail()) {
      unconfirmed_.add(p);
    } else {
      emit_stop(p);
    }
  });
}

void scheduler::emit_stop(process& p) noexcept {
  const std::uint64_t number = p.number.load();
  // These waits are aborted before the signal is emitted: an operation may complete at once within
  // the emission, and the next wait of the process, which has heard of the request, must be left
  // alone.
  if (!p.stop.is_for_parts()) waiter::abort_listening(p);
  process* const before = std::exchange(current_, &p);
  try {
    if (p.stop.is_for_parts()) {
      process_part::cancel_asked(p);
    } else {
      p.signal.emit(boost::asio::cancellation_type::terminal);
    }
  } catch (...) {
    // A cancellation handler of the user's has thrown.
    if (p.is(number)) crash(p);
  }
  current_ = before;
  // The process may have gone on, and even ended.
  if (!p.is(number) || !p.life.is_live()) return;
  const bool found = p.queued > 0 || waiter::any_aborted(p);
  if (p.stop.emitted(found, waiter::is_body_aborted(p))) unconfirmed_.add(p);
  see_to_failing_waits(p);
  on_suspend(p);
}

// A body that is a task asks at each wait, see `fails_wait`; one that is an awaitable is told.
void scheduler::see_to_failing_waits(process& p) noexcept {
  if (p.stop.waits_fail() == p.waits_made_fail) return;
  if (p.runner == nullptr || p.runner->let_waits_fail == nullptr || p.outermost == nullptr) return;
  const bool failed = p.runner->let_waits_fail(p.outermost, p.stop.waits_fail());
  // One that lets its waits fail by itself goes on to do so.
  p.waits_made_fail = p.stop.waits_fail() && !failed;
}

// Nothing, if it is not. Parts that were asked meanwhile are asked now.
void scheduler::request_is_over(process& p) noexcept {
  see_to_failing_waits(p);
  if (p.stop.now() == stop_request::state::idle && process_part::confirm_told(p)) {
    ask_part_to_stop(p);
  }
}

bool scheduler::fails_wait(process& p) noexcept {
  if (!p.stop.waits_fail()) return false;
  p.stop.wait_has_failed();
  see_to_failing_waits(p);
  return true;
}

// Cannot fail either: a fence has passed before the turn comes that posts the next one.
void scheduler::post_fence() noexcept {
  post_from(room_of_fence_, io_, [this] {
    const process_list heard = unconfirmed_.take();
    const auto is_under_way = [](const process& p) {
      return p.stop.now() == stop_request::state::emitted ||
             p.stop.now() == stop_request::state::hit;
    };
    heard.for_each(slots_, is_under_way, [this](process& p) {
      p.stop.fence_passed();
      request_is_over(p);
    });
  });
}

}  // namespace coppice::detail
