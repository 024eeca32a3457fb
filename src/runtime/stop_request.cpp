#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>

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

void scheduler::ask_to_stop(process& p, exit_reason reason, stop_request::level level) {
  // A process that is about to exit has its reason already.
  if (!takes_signals(p) || p.life.pending() == process_life::pending_end::exit) return;
  if (!p.stop.was_asked()) p.reason = std::move(reason);
  if (!p.stop.ask(level, !p.life.is_spawned())) return;
  // Where nothing can be under way, there is nothing to wait for.
  if (p.waits_here && waiter::abort_waiting(p)) {
    p.stop.delivered();
  } else {
    post_stop(p);
  }
}

void scheduler::ask_part_to_stop(process& p) {
  if (p.stop.ask_part()) post_stop(p);
}

// One turn delivers all requests that are made before it comes.
void scheduler::post_stop(process& p) {
  if (stops_.empty()) {
    boost::asio::post(io_.get_executor(), [this] {
      take_turn([this] { deliver_stops(); });
    });
  }
  stops_.emplace_back(&p, p.number.load());
}

void scheduler::deliver_stops() {
  const auto due = std::exchange(stops_, {});
  bool fence_posted = false;
  for (const auto& [p, number] : due) {
    // The process may have ended since, and its slot may have another one.
    if (!p->is(number) || !p->life.is_live()) continue;
    if (p->stop.is_for_parts() && !process_part::any_asked(*p)) {
      p->stop.delivered();
      continue;
    }
    if (!p->stop.turn(p->queued > 0 || waiter::any_aborted(*p))) continue;
    // The fence is posted before the first cancellation is emitted: it must be ahead of whatever
    // that brings about in the io_context's queue.
    if (!fence_posted) {
      post_fence();
      fence_posted = true;
    }
    emit_stop(*p);
  }
}

void scheduler::emit_stop(process& p) {
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
  if (p.stop.emitted(p.queued > 0 || waiter::any_aborted(p))) unconfirmed_.emplace_back(&p, number);
  on_suspend(p);
}

void scheduler::post_fence() {
  boost::asio::post(io_.get_executor(), [this] {
    for (const auto& [p, number] : std::exchange(unconfirmed_, {})) {
      if (!p->is(number)) continue;
      p->stop.fence_passed();
      if (p->stop.now() == stop_request::state::idle && process_part::confirm_told(*p)) {
        ask_part_to_stop(*p);
      }
    }
  });
}

}  // namespace coppice::detail
