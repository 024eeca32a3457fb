#include <coppice/detail/process/basic_waits.hpp>

namespace coppice::detail {

void sleep_wait::begin(waiter& w) { timer.begin(w, time); }

void sleep_wait::leave() noexcept { timer.leave(); }

void await_exit_wait::begin(waiter& w) {
  news.target = &w;
  if (process* p = target.get(); p != nullptr) {
    p->more().subscriptions.push_back(news);
  } else {
    news.reason = exit_reason::noproc();
    w.wake();
  }
}

}  // namespace coppice::detail
