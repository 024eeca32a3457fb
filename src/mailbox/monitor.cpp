#include <coppice/monitor.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace coppice {

namespace detail {

// The id of a monitor is also the tag of its message, by which demonitor finds the message in the
// mailbox. One thread after another may run an io_context: so the counter is the program's.
std::uint64_t next_monitor_id() noexcept {
  static std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

mailbox_monitor::~mailbox_monitor() = default;

std::shared_ptr<mailbox_monitor> add_monitor(const pid& target,
                                             std::shared_ptr<mailbox_monitor> m) {
  check_reach(detail::access::home(target), "monitor");
  m->id = next_monitor_id();
  if (process* p = detail::access::slot(target); p != nullptr) {
    p->more().subscriptions.push_back(*m);
    if (const auto box = m->core.lock()) box->monitors.emplace(m->id, m);
  } else {
    // As in Erlang, a monitor of a process that is gone tells of its end at once.
    m->fire(target, exit_reason::noproc());
  }
  return m;
}

}  // namespace detail

std::uint64_t monitor_ref::id() const noexcept { return monitor_ ? monitor_->id : 0; }

void demonitor(monitor_ref& ref) {
  if (!ref.monitor_) return;
  const auto m = std::move(ref.monitor_);
  m->unlink();
  // The message may already be in the mailbox. It is taken out: after demonitor none arrives, as
  // with Erlang's option `flush`.
  if (const auto box = m->core.lock()) {
    box->monitors.erase(m->id);
    box->purge(m->id);
  }
}

}  // namespace coppice
