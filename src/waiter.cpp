#include <coppice/detail/waiter.hpp>

#include <stdexcept>

namespace coppice::detail {

void waiter::attach(process* p) noexcept {
  if (p != nullptr) {
    owner = p;
    number = p->number.load(std::memory_order_relaxed);
    p->waits.push_back(*this);
  } else {
    home_.foreign_waits().push_back(*this);
  }
}

bool waiter::wake_all(list_hook& waits) noexcept {
  if (waits.empty()) return false;
  for (list_hook* h = waits.front(); h != nullptr; h = waits.after(h)) {
    static_cast<waiter*>(h)->wake();
  }
  return true;
}

bool waiter::any_aborted(process& p) noexcept {
  for (list_hook* h = p.waits.empty() ? nullptr : p.waits.front(); h != nullptr;
       h = p.waits.after(h)) {
    if (static_cast<waiter*>(h)->aborted_) return true;
  }
  return false;
}

void waiter::abort_listening(process& p) noexcept {
  for (list_hook* h = p.waits.empty() ? nullptr : p.waits.front(); h != nullptr;
       h = p.waits.after(h)) {
    if (auto& w = *static_cast<waiter*>(h); w.listening_) w.abort();
  }
}

bool waiter::drop_one(list_hook& waits) {
  for (list_hook* h = waits.empty() ? nullptr : waits.front(); h != nullptr; h = waits.after(h)) {
    auto& w = *static_cast<waiter*>(h);
    if (w.woken_) continue;
    w.drop();
    return true;
  }
  return false;
}

void waiter::act_on(run_item* item, how h) {
  auto* self = static_cast<waiter*>(item);
  self->woken_ = false;
  if (h == how::run) {
    self->run();
  } else {
    self->drop();
  }
}

scheduler& here() {
  scheduler* s = scheduler::active();
  if (s == nullptr) throw std::logic_error{"coppice: no process runs on this thread right now"};
  return *s;
}

}  // namespace coppice::detail
