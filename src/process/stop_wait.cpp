#include <coppice/detail/process/stop_wait.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/error.hpp>

namespace coppice::detail {

namespace {

// Tells whether the caller is the ancestor itself or lies below it in the supervision tree. A
// process ends after its children, so a child that waited for the end of an ancestor would wait for
// itself.
bool is_within(process* caller, const process& ancestor) noexcept {
  for (process* p = caller; p != nullptr; p = p->parent()) {
    if (p == &ancestor) return true;
  }
  return false;
}

}  // namespace

scheduler& stop_wait::home() const { return at != nullptr ? *at : access::home_or_here(process); }

void stop_wait::arm(waiter& w) {
  detail::process* const p =
      access::home(process) != nullptr ? access::slot(process) : nullptr;
  if (p == nullptr) {
    refused = errc::noproc;
  } else if (is_within(caller_on(p->home), *p)) {
    refused = errc::would_deadlock;
  } else {
    // First the monitor, then the request: so no end is missed, whatever stop() does at once.
    news.target = &w;
    p->more().subscriptions.push_back(news);
    timer.arm(w, limit);
    if (behaviour* const b = p->behaviour(); b != nullptr && !whole.is_infinity()) {
      b->limit_stop(after(p->home.now(), whole.time()));
    }
    p->home.stop(*p, reason);
    return;
  }
  w.wake();
}

void stop_wait::disarm() noexcept {
  news.unlink();
  timer.disarm();
}

boost::system::error_code stop_wait::outcome() const noexcept {
  if (refused) return refused;
  if (!news.reason) return errc::timeout;
  // A process that ends with another reason than the one asked for is no success: gen_server:stop
  // exits in this case.
  if (*news.reason == reason) return {};
  return errc::unexpected_exit;
}

}  // namespace coppice::detail
