#include <coppice/detail/overload/intake.hpp>

#include <coppice/error.hpp>

namespace coppice::detail {

boost::asio::execution_context::id intakes::id;

list_hook& intakes::of(boost::asio::io_context& io) {
  return boost::asio::use_service<intakes>(io).all_;
}

void intake::note_drained() noexcept {
  if (waits_.empty() || !is_drained()) return;
  for (list_hook* h = waits_.front(); h != nullptr; h = waits_.after(h)) {
    static_cast<drained_wait::place*>(h)->who->wake();
  }
}

void intake::leave() noexcept {
  unlink();
  while (!waits_.empty()) {
    auto& place = static_cast<drained_wait::place&>(*waits_.front());
    place.unlink();
    place.of = nullptr;
    place.who->wake();
  }
}

void drained_wait::arm(waiter& w) {
  if (is_over()) return w.wake();
  mine.who = &w;
  mine.of->waits_.push_back(mine);
  timer.arm(w, limit);
}

void drained_wait::disarm() noexcept {
  mine.unlink();
  timer.disarm();
}

boost::system::error_code drained_wait::outcome() const noexcept {
  if (is_over()) return {};
  return errc::timeout;
}

}  // namespace coppice::detail
