#include <coppice/detail/base/access.hpp>
#include <coppice/detail/process/basic_waits.hpp>

#include <stdexcept>

namespace coppice::detail {

void sleep_wait::arm(waiter& w) { timer.arm(w, time); }

void sleep_wait::disarm() noexcept { timer.disarm(); }

scheduler& check_awaited(const pid& target) {
  if (!target) throw std::invalid_argument{"coppice: await_exit of an empty pid"};
  scheduler& home = *access::home(target);
  check_reach(home, "await_exit");
  return home;
}

// Waiting for the end of a process is a monitor whose message is one wake-up. It is a member of the
// wait, so that it allocates nothing and disappears with the wait.
void await_exit_wait::arm(waiter& w) {
  news.target = &w;
  if (process* p = access::slot(target); p != nullptr) {
    p->more().subscriptions.push_back(news);
  } else {
    news.reason = exit_reason::noproc();
    w.wake();
  }
}

}  // namespace coppice::detail
