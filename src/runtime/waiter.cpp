#include <coppice/detail/runtime/waiter.hpp>

namespace coppice::detail {

bool waiter::wake_all(list_hook& waits) noexcept {
  if (waits.empty()) return false;
  for (list_hook* h = waits.front(); h != nullptr; h = waits.after(h)) {
    static_cast<waiter*>(h)->wake();
  }
  return true;
}

bool waiter::any_aborted(process& p) noexcept {
  for (list_hook* h = p.waits.first(); h != nullptr;
       h = p.waits.after(h)) {
    if (static_cast<waiter*>(h)->aborted_) return true;
  }
  return false;
}

bool waiter::is_body_aborted(process& p) noexcept {
  for (list_hook* h = p.waits.first(); h != nullptr; h = p.waits.after(h)) {
    const auto& w = *static_cast<waiter*>(h);
    if (w.aborted_ && w.holds_body_) return true;
  }
  return false;
}

void waiter::abort_listening(process& p) noexcept {
  for (list_hook* h = p.waits.first(); h != nullptr;
       h = p.waits.after(h)) {
    if (auto& w = *static_cast<waiter*>(h); w.listening_) w.abort();
  }
}

bool waiter::abort_waiting(process& p) noexcept {
  for (list_hook* h = p.waits.first(); h != nullptr;
       h = p.waits.after(h)) {
    auto& w = *static_cast<waiter*>(h);
    if (!w.listening_ || w.woken_) continue;
    w.abort();
    return true;
  }
  return false;
}

// Only one is dropped: the frames that go with it may contain other waiters of the list.
bool waiter::drop_one(list_hook& waits) {
  for (list_hook* h = waits.first(); h != nullptr; h = waits.after(h)) {
    auto& w = *static_cast<waiter*>(h);
    if (w.woken_) continue;
    w.act(&w, how::drop);
    return true;
  }
  return false;
}

bool waiter::fail_if_woken() noexcept {
  if (!woken_) return false;
  aborted_ = true;
  if (owner != nullptr) owner->home.fail(*owner);
  return true;
}

void process_part::ask_to_stop() {
  stop_ = stop::asked;
  home().ask_part_to_stop(*owner);
}

process_part* process_part::find(process& p, stop how) noexcept {
  for (list_hook* h = p.waits.empty() ? nullptr : p.waits.front(); h != nullptr;
       h = p.waits.after(h)) {
    if (auto* const w = static_cast<waiter*>(h); w->stop_ == how) {
      return static_cast<process_part*>(w);
    }
  }
  return nullptr;
}

bool process_part::any_asked(process& p) noexcept {
  return find(p, stop::asked) != nullptr || find(p, stop::told) != nullptr;
}

void process_part::cancel_asked(process& p) {
  // Those that were told before are told again, as that has missed. What is cancelled may take any
  // of the others along.
  while (process_part* const part = find(p, stop::told)) part->stop_ = stop::asked;
  while (process_part* const part = find(p, stop::asked)) {
    part->stop_ = stop::told;
    part->cancel();
  }
}

bool process_part::confirm_told(process& p) noexcept {
  bool others = false;
  for (list_hook* h = p.waits.empty() ? nullptr : p.waits.front(); h != nullptr;
       h = p.waits.after(h)) {
    auto& w = *static_cast<waiter*>(h);
    others |= w.stop_ == stop::asked;
    if (w.stop_ == stop::told) w.stop_ = stop::none;
  }
  return others;
}

wait_canceller::wait_canceller(process* p, cancellable_waiter& w,
                               asio::cancellation_slot where) noexcept
    : of_{p}, where_{where} {
  aim(w);
  if (of_ == nullptr) return;
  if (of_->canceller != nullptr) of_->canceller->forget_process();
  of_->canceller = this;
}

// The user's slot was cleared, or got another handler.
wait_canceller::~wait_canceller() {
  if (target_ != nullptr) target_->canceller_ = nullptr;
  if (of_ != nullptr) of_->canceller = nullptr;
}

void wait_canceller::aim(cancellable_waiter& w) noexcept {
  // A new wait in a slot takes the place of the one that is there, as a new handler does in Asio.
  if (target_ != nullptr) target_->canceller_ = nullptr;
  target_ = &w;
  w.canceller_ = this;
}

void wait_canceller::operator()(asio::cancellation_type type) const noexcept {
  if (target_ != nullptr && type != asio::cancellation_type::none) target_->abort();
}

}  // namespace coppice::detail
