#include <coppice/detail/overload/timed_part.hpp>

#include <coppice/detail/wait/current_process.hpp>

#include <stdexcept>
#include <utility>

namespace coppice::detail {

process& timed_process(process* behind_handler) {
  process& p = behind_handler != nullptr ? *behind_handler : current_process();
  if (&p.home != scheduler::active()) {
    throw std::logic_error{"coppice: a deadline is one of a process, and begins on its io_context"};
  }
  return p;
}

void timed_part::caller_has_heard() noexcept {
  if (owner->is(number)) static_cast<void>(home().fails_wait(*owner));
}

void timed_part::leave() noexcept {
  timer_.disarm();
  list_hook::unlink();
  if (relay_ != nullptr) std::exchange(relay_, nullptr)->forget();
}

void timed_part::act_on(run_item* item, how h) {
  auto& self = *static_cast<timed_part*>(item);
  self.left_queue();
  if (self.over_) {
    self.dispose_if_over();
  } else if (h == how::drop) {
    // The process is being destroyed, and what it waits for goes by itself.
    self.timer_.disarm();
    self.list_hook::unlink();
  } else if (self.timer_.has_expired()) {
    self.time_is_over();
  }
}

void timed_part::time_is_over() {
  if (!std::exchange(was_over_, true)) return wake();
  if (stopped_by_ != cause::none) return;
  if (coroutine_ == nullptr) {
    cancel();
  } else {
    ask_to_stop();
  }
}

// Some operations, and some states of coroutines, take only one of these types.
void timed_part::cancel() {
  if (stopped_by_ == cause::none) {
    stopped_by_ = cause::time;
    if (coroutine_ != nullptr) coroutine_->timed_out = true;
  }
  emit(asio::cancellation_type::terminal | asio::cancellation_type::partial |
       asio::cancellation_type::total);
}

// The caller hears of its cancellation even if the time was over before: a process that took it for
// a time-out might go on, and would hear of the request to stop no more.
void timed_part::cancelled_from_outside(asio::cancellation_type type) {
  if (type == asio::cancellation_type::none) return;
  stopped_by_ = cause::caller;
  if (coroutine_ != nullptr) coroutine_->timed_out = false;
  has_been_told();
  emit(type);
}

// The operation may complete within the emission, and this be told to end. The signal stays until
// the emission is over.
void timed_part::emit(asio::cancellation_type type) {
  const use keep{*this};
  if (coroutine_ != nullptr && owner->stop.misses()) coroutine_->fails_next_wait = true;
  signal_.emit(type);
}

}  // namespace coppice::detail
