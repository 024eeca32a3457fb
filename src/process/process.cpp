#include <coppice/process.hpp>

#include <boost/asio/post.hpp>

#include <ostream>
#include <stdexcept>
#include <string>

namespace coppice {

using detail::process;
using detail::scheduler;

namespace {

process& current_process() {
  process* p = detail::here().current();
  if (p == nullptr) throw std::logic_error{"coppice: no process runs right now"};
  return *p;
}

void check_process(const pid& other, const char* function) {
  if (const scheduler* const home = other.home(); home != nullptr) {
    detail::check_reach(*home, function);
  }
}

std::uint64_t next_monitor_id() {
  // Distinct on each thread, which is all that a mailbox ever sees.
  static thread_local std::uint64_t last = 0;
  return ++last;
}

}  // namespace

bool pid::alive() const noexcept { return get() != nullptr; }

detail::scheduler* pid::home() const noexcept { return slot_ != nullptr ? &slot_->home : nullptr; }

std::string pid::to_string() const {
  std::string text = "<";
  return text.append(std::to_string(number_)).append(">");
}

std::ostream& operator<<(std::ostream& out, const pid& id) { return out << id.to_string(); }

namespace detail {

pid spawn_body(scheduler& s, body_ptr&& what, std::string_view label) {
  return s.spawn({.what = std::move(what), .label = label}).id();
}

pid spawn_linked(body_ptr&& what, std::string_view label) {
  process& parent = current_process();
  process& child = parent.home.spawn({.what = std::move(what), .label = label});
  parent.home.link(parent, child);
  return child.id();
}

void exit_wait::begin(waiter&) {
  process* p = scheduler_->current();
  if (p == nullptr) return;
  p->ignored = ignored;
  scheduler_->end_at_rest(*p, std::move(reason));
}

void sleep_wait::begin(waiter& w) { timer.begin(w, time); }

void sleep_wait::leave() noexcept { timer.leave(); }

void await_exit_wait::subscription::fire(const pid&, const exit_reason& r) {
  reason = r;
  target->wake();
}

void await_exit_wait::begin(waiter& w) {
  news.target = &w;
  if (process* p = target.get(); p != nullptr) {
    p->more().subscriptions.push_back(news);
  } else {
    news.reason = exit_reason::noproc();
    w.wake();
  }
}

std::shared_ptr<mailbox_monitor> add_monitor(const pid& target,
                                             std::shared_ptr<mailbox_monitor> m) {
  check_process(target, "monitor");
  m->id = next_monitor_id();
  if (process* p = target.get(); p != nullptr) {
    p->more().subscriptions.push_back(*m);
    if (const auto box = m->core.lock()) box->monitors.emplace(m->id, m);
  } else {
    m->fire(target, exit_reason::noproc());
  }
  return m;
}

void set_trap(std::shared_ptr<signal_trap> trap) { current_process().more().trap = std::move(trap); }

}  // namespace detail

pid self() noexcept {
  scheduler* s = scheduler::active();
  if (s == nullptr || s->current() == nullptr) return {};
  return s->current()->id();
}

detail::exit_operation exit(exit_reason reason) {
  return detail::exit_operation{{&current_process().home, std::move(reason)}};
}

namespace {

void send_signal(const pid& target, const pid& from, const exit_reason& reason) {
  process* p = target.get();
  if (p == nullptr) return;
  if (reason.kind() == exit_reason::kind_type::kill) {
    p->home.kill(*p);
  } else {
    p->home.signal(*p, from, reason, process::stop_level::exit_signal);
  }
}

}  // namespace

void exit(const pid& target, exit_reason reason) {
  scheduler* const home = target.home();
  if (home == nullptr) return;
  if (scheduler::active() == home || home->is_open_to_caller()) {
    send_signal(target, self(), reason);
  } else {
    asio::post(home->io().get_executor(), [target, from = self(), why = std::move(reason)] {
      send_signal(target, from, why);
    });
  }
}

void kill(const pid& target) { exit(target, exit_reason::kill()); }

void link(const pid& other) {
  process& me = current_process();
  check_process(other, "link");
  process* p = other.get();
  if (p == &me) return;
  if (p != nullptr && p->now != process::state::dying) {
    me.home.link(me, *p);
  } else {
    me.home.signal(me, other, exit_reason::noproc(), process::stop_level::exit_signal);
  }
}

void unlink(const pid& other) { detail::cut_link(current_process(), other); }

namespace detail {

void cut_link(process& me, const pid& other) {
  if (process* p = other.get(); p != nullptr) me.home.unlink(me, *p);
  if (!me.extras || !me.extras->trap) return;
  if (auto* trap = dynamic_cast<mailbox_trap*>(me.extras->trap.get())) {
    if (const auto box = trap->core.lock()) box->purge(other.number() | signal_tag);
  }
}

}  // namespace detail

std::uint64_t monitor_ref::id() const noexcept { return monitor_ ? monitor_->id : 0; }

void demonitor(monitor_ref& ref) {
  if (!ref.monitor_) return;
  const auto m = std::move(ref.monitor_);
  m->unlink();
  if (const auto box = m->core.lock()) {
    box->monitors.erase(m->id);
    box->purge(m->id);
  }
}

void untrap_exit() {
  if (process& me = current_process(); me.extras) me.extras->trap.reset();
}

detail::operation<void(boost::system::error_code), detail::sleep_wait> sleep_for(
    std::chrono::steady_clock::duration time) {
  return detail::operation<void(boost::system::error_code), detail::sleep_wait>{
      {&detail::here(), time}};
}

detail::operation<void(boost::system::error_code, exit_reason), detail::await_exit_wait> await_exit(
    const pid& target) {
  if (!target) throw std::invalid_argument{"coppice: await_exit of an empty pid"};
  check_process(target, "await_exit");
  return detail::operation<void(boost::system::error_code, exit_reason), detail::await_exit_wait>{
      {target.home(), target}};
}

void set_label(std::string_view label) { current_process().more().label = label; }

std::vector<pid> callers() {
  const process& me = current_process();
  return me.extras ? me.extras->callers : std::vector<pid>{};
}

std::optional<process_info> info(const pid& target) {
  if (const scheduler* home = target.home(); home != nullptr) home->check_thread("info");
  process* p = target.get();
  if (p == nullptr) return std::nullopt;
  process_info result;
  result.id = target;
  result.label = p->label();
  result.parent = p->spawner;
  for (process* up = p->spawner.get(); up != nullptr; up = up->spawner.get()) {
    result.ancestors.push_back(up->id());
  }
  if (p->extras) {
    result.callers = p->extras->callers;
    result.name = p->extras->name;
    for (process* peer : p->extras->links) result.links.push_back(peer->id());
    result.traps_exits = p->extras->trap != nullptr;
  }
  result.started = p->now != process::state::unborn;
  result.waiting_in_coppice = !p->waits.empty();
  return result;
}

std::vector<pid> processes(asio::io_context& io) { return scheduler::of(io, "processes").processes(); }

void set_abandon_after(asio::io_context& io, std::chrono::steady_clock::duration time) {
  scheduler::of(io, "set_abandon_after").set_abandon_after(time);
}

void init_ack::ready(std::any info) const {
  if (process* p = self_.get(); p != nullptr) p->home.acknowledge(*p, std::move(info));
}

detail::exit_operation init_ack::ignore() const {
  return detail::exit_operation{{&detail::here(), exit_reason::normal(), true}};
}

detail::exit_operation init_ack::fail(exit_reason reason) const {
  return detail::exit_operation{{&detail::here(), std::move(reason)}};
}

}  // namespace coppice
