#include <coppice/send_after.hpp>

#include <coppice/detail/runtime/scheduler.hpp>

namespace coppice {

namespace detail {

// A delayed message belongs to the mailbox that it will be sent to, and not to the process that
// sends it: as in Erlang, the timer goes on when the sender has ended, and it goes with the
// receiver.

delayed_send::~delayed_send() {
  if (armed()) home->cancel_timer(*this);
}

void delayed_send::due(timer_node& node) {
  auto& self = static_cast<delayed_send&>(node);
  const std::shared_ptr<mailbox_core> box = self.core.lock();
  if (!box) return;
  const auto kept = box->delayed.extract(&self);  // keeps this alive while it sends
  try {
    self.send();
  } catch (...) {
    // A message may throw when it is moved. A timer belongs to no process whose code runs now, so
    // the exception ends the process that uses the mailbox instead of leaving io_context::run().
    box->fail_user();
  }
}

void start_delayed(const std::shared_ptr<delayed_send>& s, const std::shared_ptr<mailbox_core>& box,
                   time_point when) {
  s->core = box;
  s->home->set_timer(*s, when);
  box->delayed.emplace(s.get(), s);
}

}  // namespace detail

std::optional<std::chrono::steady_clock::duration> send_timer::remaining() const noexcept {
  const auto s = send_.lock();
  if (!s || !s->armed()) return std::nullopt;
  const detail::time_point due = s->home->time_of(*s);
  return due > s->home->now() ? due - s->home->now() : detail::duration::zero();
}

std::optional<std::chrono::steady_clock::duration> send_timer::cancel() noexcept {
  const auto left = remaining();
  if (!left) return left;
  const auto s = send_.lock();
  s->home->cancel_timer(*s);
  if (const auto box = s->core.lock()) box->delayed.erase(s.get());
  return left;
}

}  // namespace coppice
