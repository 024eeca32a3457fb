#include <coppice/monitor.hpp>

#include <coppice/detail/wait/current_process.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace coppice {

namespace detail {

namespace {

// The id of a monitor is also the tag of its message, by which demonitor finds the message in the
// mailbox. Ids have to be distinct within one io_context only, and one thread runs that: so the
// counter is the thread's, and needs no atomic.
std::uint64_t next_monitor_id() {
  static thread_local std::uint64_t last = 0;
  return ++last;
}

}  // namespace

mailbox_monitor::~mailbox_monitor() = default;

std::shared_ptr<mailbox_monitor> add_monitor(const pid& target,
                                             std::shared_ptr<mailbox_monitor> m) {
  check_reach(target.home(), "monitor");
  m->id = next_monitor_id();
  if (process* p = target.get(); p != nullptr) {
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
