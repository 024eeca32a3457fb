#include <coppice/detail/call/call_slot.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace coppice::detail {

// A call with or_kill waits for the start of a server. If the time is over and the server still has
// not acknowledged its start, the server is killed: its supervisor then goes on. A server that is
// up is left alone, even if it has not answered yet.
void kill_if_not_started(const pid& server) {
  process* const p = access::slot(server);
  if (p != nullptr && p->acknowledges && !p->answered) p->home.kill(*p);
}

// The clock of the caller and that of the server show the same time, unless a test moves one of
// them by hand. Then they have nothing in common, and the limit counts from here.
void caller_elsewhere::arrive(scheduler& there) noexcept {
  if (limit.is_infinity()) return;
  const bool same_time = since && !there.is_moved_by_hand();
  deadline = after(same_time ? *since : there.now(), limit.time());
}

// The time that is left is one of the clock by which the call will wait: that of the process which
// makes the call, and which handles the message.
void inherit_limit(asking_side* call) {
  if (call == nullptr || call->terms.stage > call_stage::inheriting) {
    throw std::logic_error{"coppice: this call was made already"};
  }
  const process* const p = current_process_if_any();
  const behaviour* const b = p != nullptr ? p->behaviour() : nullptr;
  const time_limit left = b != nullptr ? b->time_left() : infinity;
  if (!left.is_infinity()) {
    const bool alone = call->terms.stage == call_stage::inheriting;
    call->terms.limit = alone ? left.time() : std::min(left.time(), call->terms.limit.time());
  }
  call->terms.stage = call_stage::unsent;
}

bool asking_side::has_given_up(const reply_slot& slot) const noexcept {
  // Whoever has thrown a request away while it is being fetched still waits for it.
  if (terms.stage == call_stage::given_up) return slot.caller == nullptr;
  return terms.elsewhere && !terms.elsewhere->waits && !slot.done();
}

std::optional<time_point> asking_side::deadline(const reply_slot& slot) const noexcept {
  if (slot.done() || has_given_up(slot)) return std::nullopt;
  time_point until = end_of_time;
  if (terms.stage == call_stage::fetched) {
    until = time_point{terms.limit.time()};
  } else if (terms.stage == call_stage::awaited) {
    if (timer.armed()) {
      until = slot.home.time_of(timer);
    } else if (timer.has_expired()) {
      until = slot.home.now();
    } else if (!terms.limit.is_infinity()) {
      // The handler runs within the turn of the caller, which will set its timer after that.
      until = after(slot.home.now(), terms.limit.time());
    } else if (terms.elsewhere) {
      until = terms.elsewhere->deadline;
    }
  }
  if (until == end_of_time) return std::nullopt;
  return until;
}

std::optional<time_point> deadline_of(reply_slot& slot) noexcept {
  const asking_side* const caller = slot.asking();
  return caller != nullptr ? caller->deadline(slot) : std::nullopt;
}

bool is_awaited(reply_slot& slot) noexcept {
  const asking_side* const caller = slot.asking();
  return !slot.done() && !(caller != nullptr && caller->has_given_up(slot));
}

time_limit time_left_of(reply_slot& slot) noexcept {
  const asking_side* const caller = slot.asking();
  if (caller != nullptr && caller->has_given_up(slot)) return duration::zero();
  const auto until = deadline_of(slot);
  if (!until) return infinity;
  return std::max(*until - slot.home.now(), duration::zero());
}

void begin_fetch(reply_slot& slot, time_point until) noexcept {
  asking_side* const caller = slot.asking();
  if (caller == nullptr) return;
  caller->terms.stage = call_stage::fetched;
  caller->terms.limit = until.time_since_epoch();
}

void end_fetch(reply_slot& slot) noexcept {
  asking_side* const caller = slot.asking();
  if (caller == nullptr || caller->terms.stage != call_stage::fetched) return;
  caller->terms.stage = call_stage::requested;
}

void forget_request(reply_slot& slot) noexcept {
  if (asking_side* const caller = slot.asking()) caller->terms.stage = call_stage::given_up;
}

}  // namespace coppice::detail
