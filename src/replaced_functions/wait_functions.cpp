#include "replaced.hpp"
#include "replaced_functions.hpp"
#include "simulated_system/clocks.hpp"
#include "simulated_system/epoll_set.hpp"
#include "simulated_system/timed_files.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace coppice::detail {

void link_wait_functions() noexcept {}

namespace {

int poll_here(simulated_system& s, std::span<pollfd> files, int timeout) {
  const auto count = [&] {
    int ready = 0;
    for (pollfd& p : files) {
      p.revents = 0;
      if (const descriptor* const d = s.find(p.fd); d == nullptr) {
        p.revents = POLLNVAL;
      } else {
        // The events of poll have the values of those of epoll.
        const auto wanted = static_cast<std::uint32_t>(p.events) | EPOLLERR | EPOLLHUP;
        p.revents = static_cast<short>(d->readiness() & wanted);
      }
      if (p.revents != 0) ++ready;
    }
    return ready;
  };
  std::optional<duration> limit;
  if (timeout >= 0) limit = s.now() + std::chrono::milliseconds{timeout};
  if (timeout != 0) s.pass_until([&] { return count() > 0; }, limit);
  return count();
}

}  // namespace

}  // namespace coppice::detail

using namespace coppice::detail;  // nothing follows but definitions of others' functions

COPPICE_EXPORT int timerfd_create(int which, int flags) noexcept {
  if (simulated_system* const s = system_here()) {
    const failing_allocation::suspended own_work;
    return with_errno(s->open(std::make_shared<timer_file>(*s)));
  }
  COPPICE_REAL(timerfd_create);
  return real(which, flags);
}

COPPICE_EXPORT int timerfd_settime(int number, int flags, const itimerspec* now,
                                   itimerspec* before) noexcept {
  if (const auto t = file<timer_file>(number)) {
    const duration given = to_duration(now->it_value);
    const duration base = (flags & TFD_TIMER_ABSTIME) != 0 ? duration{} : system_here()->now();
    t->set(given == duration{} ? std::nullopt : std::optional{base + given});
    if (before != nullptr) *before = {};
    return 0;
  }
  COPPICE_REAL(timerfd_settime);
  return real(number, flags, now, before);
}

COPPICE_EXPORT int epoll_create1(int flags) noexcept {
  if (simulated_system* const s = system_here()) {
    const failing_allocation::suspended own_work;
    auto set = std::make_shared<epoll_set>(s->seed());
    if (!s->is_order_drawn()) set->keep_order();
    return with_errno(s->open(std::move(set)));
  }
  COPPICE_REAL(epoll_create1);
  return real(flags);
}

COPPICE_EXPORT int epoll_create(int) noexcept { return ::epoll_create1(0); }

COPPICE_EXPORT int epoll_ctl(int set, int what, int number, epoll_event* e) noexcept {
  if (const auto s = file<epoll_set>(set)) {
    const auto d = file(number);
    if (what == EPOLL_CTL_DEL) return with_errno(s->remove(number));
    if (what == EPOLL_CTL_MOD) return with_errno(s->change(number, *e));
    return with_errno(d ? s->add(number, *d, *e) : -EBADF);
  }
  COPPICE_REAL(epoll_ctl);
  return real(set, what, number, e);
}

COPPICE_EXPORT int epoll_wait(int set, epoll_event* into, int most, int timeout) {
  if (const auto s = file<epoll_set>(set)) {
    return with_errno(system_here()->wait(*s, into, most, timeout));
  }
  COPPICE_REAL(epoll_wait);
  return real(set, into, most, timeout);
}

COPPICE_EXPORT int poll(pollfd* files, nfds_t count, int timeout) {
  simulated_system* const s = system_here();
  const failing_allocation::suspended own_work;
  if (s != nullptr && count > 0 && simulated_system::is_simulated(files->fd)) {
    return poll_here(*s, {files, count}, timeout);
  }
  COPPICE_REAL(poll);
  return real(files, count, timeout);
}

COPPICE_EXPORT int eventfd(unsigned count, int flags) noexcept {
  if (simulated_system* const s = system_here()) {
    const failing_allocation::suspended own_work;
    return with_errno(open_file(*s, std::make_shared<event_file>(count), true));
  }
  COPPICE_REAL(eventfd);
  return real(count, flags);
}
