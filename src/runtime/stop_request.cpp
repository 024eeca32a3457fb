#include "turn.hpp"

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>

#include <utility>

// A stop request cancels what the process waits for. Whether the cancellation found a wait cannot
// be seen from outside: an operation may already have completed, its completion being queued in the
// io_context. But the io_context's queue is first come, first served. So a marker is posted before
// the cancellation, and a completion that arrives before the marker does was not caused by it. That
// holds too if the process waits for several things at once, of which one was cancelled: the result
// of another may be what it goes on with. All of this happens at the head of a turn of its own,
// posted when the request was made: what was under way then has come by. Nothing else of coppice's
// runs from the request to that turn.

namespace coppice::detail {

// Not any more when the io_context is being destroyed: whose frames are still there is unknown
// then.
bool scheduler::takes_signals(const process& p) const noexcept {
  return !down_ && (p.now == process::state::spawned || p.now == process::state::live);
}

void scheduler::ask_to_stop(process& p, exit_reason reason, process::stop_level level) {
  if (!takes_signals(p)) return;
  if (!p.reason_set) {
    p.reason = std::move(reason);
    p.reason_set = true;
  }
  if (level <= p.asked) return;
  p.asked = level;
  if (p.now == process::state::spawned) return;
  deliver_stop_to(p);
}

void scheduler::deliver_stop_to(process& p) {
  if (stops_.empty()) {
    boost::asio::post(io_.get_executor(), [this] {
      take_turn([this] { deliver_stops(); });
    });
  }
  stops_.emplace_back(&p, p.number.load());
}

void scheduler::deliver_stops() {
  const auto due = std::exchange(stops_, {});
  bool marked = false;
  for (const auto& [p, number] : due) {
    if (!p->is(number) || p->now != process::state::live || p->delivered >= p->asked) continue;
    // A completion of it is queued already, for instance of the loser of a race: the request is
    // delivered after that.
    if (p->queued > 0 || waiter::any_aborted(*p)) {
      p->pending |= process::stop_pending;
      continue;
    }
    if (!marked) {
      post_fence();
      marked = true;
    }
    emit_stop(*p);
  }
}

void scheduler::emit_stop(process& p) {
  const std::uint64_t number = p.number.load();
  p.delivered = p.asked;
  p.stop_unconfirmed = false;
  // First of all: an operation may complete at once, and what the process then waits for, having
  // heard of the request, must be left alone.
  p.yield_cancelled = p.yielding;
  p.wait_was_cancelled = p.yielding != 0;
  waiter::abort_listening(p);
  process* const before = std::exchange(current_, &p);
  try {
    p.signal.emit(boost::asio::cancellation_type::terminal);
  } catch (...) {
    // Thrown by somebody's cancellation handler.
    if (p.is(number)) crash(p);
  }
  current_ = before;
  // The process may have gone on, and even ended.
  if (!p.is(number) || p.now != process::state::live) return;
  if (p.queued > 0 || waiter::any_aborted(p)) p.wait_was_cancelled = true;
  p.stop_unconfirmed = true;
  unconfirmed_.emplace_back(&p, number);
  on_suspend(p);
}

void scheduler::post_fence() {
  boost::asio::post(io_.get_executor(), [this] {
    // Everything that was queued before the fence has run: who is still unconfirmed was cancelled.
    for (const auto& [p, number] : std::exchange(unconfirmed_, {})) {
      if (p->is(number)) p->stop_unconfirmed = false;
    }
  });
}

}  // namespace coppice::detail
