#include <coppice/detail/overload/semaphore_core.hpp>

#include <stdexcept>

namespace coppice::detail {

// Waking somebody of another io_context would run it on the wrong thread.
void semaphore_core::use_on(const scheduler& s) {
  if (home_ == 0) home_ = s.serial();
  if (home_ == s.serial()) return;
  throw std::logic_error{"coppice: this semaphore is used by processes of another io_context"};
}

bool semaphore_core::take() noexcept {
  if (free_ == 0 || !waiting_.empty()) return false;
  --free_;
  return true;
}

bool semaphore_core::take(const semaphore_place& by) noexcept {
  if (free_ == 0 || waiting_.front() != &by) return false;
  --free_;
  return true;
}

void semaphore_core::give_back() noexcept {
  ++free_;
  wake_first();
}

void semaphore_core::enter(semaphore_place& place, waiter& who) noexcept {
  place.who = &who;
  waiting_.push_back(place);
  ++waiting_count_;
  wake_first();
}

void semaphore_core::leave(semaphore_place& place) noexcept {
  if (place.empty()) return;
  place.unlink();
  --waiting_count_;
  wake_first();
}

void semaphore_core::close() noexcept {
  for (list_hook* h = waiting_.first(); h != nullptr;
       h = waiting_.after(h)) {
    static_cast<semaphore_place*>(h)->who->abort();
  }
}

void semaphore_core::wake_first() noexcept {
  if (free_ == 0 || waiting_.empty()) return;
  static_cast<semaphore_place*>(waiting_.front())->who->wake();
}

}  // namespace coppice::detail
