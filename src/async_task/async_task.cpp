#include <coppice/async_task.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/runner.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/link.hpp>
#include <coppice/process.hpp>
#include <coppice/report.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace coppice::detail {

namespace {

// Reports the crash of a task. `failed` tells that it has thrown an exception of its own.
class task_behaviour final : public behaviour {
 public:
  explicit task_behaviour(bool failed) noexcept : behaviour{&tag}, failed_{failed} {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "task"; }
  bool report_crash(process& p) noexcept override {
    // A task that was asked to stop, and ended because of that, has not failed.
    if (!p.stop.was_asked() || failed_) {
      p.home.tell(task_terminated{p.id(), p.label(), p.extras->callers, p.reason});
    }
    return true;
  }

 private:
  static constexpr char tag{};
  const bool failed_;
};

// All tasks share these two objects, which are never destroyed, nor need memory of the heap. The
// pointers own nothing, so copying them counts nothing.
template <bool Failed>
std::shared_ptr<behaviour> shared_behaviour() noexcept {
  alignas(task_behaviour) static std::byte room[sizeof(task_behaviour)];
  static task_behaviour& all = *::new (static_cast<void*>(room)) task_behaviour{Failed};
  return {std::shared_ptr<void>{}, &all};
}
std::shared_ptr<behaviour> task_that_runs() noexcept { return shared_behaviour<false>(); }
std::shared_ptr<behaviour> task_that_failed() noexcept { return shared_behaviour<true>(); }

// A chain of tasks that start one another can be endless; the list of callers must not be.
constexpr std::size_t most_callers = 32;

}  // namespace

std::vector<pid> callers_through(process* caller) {
  std::vector<pid> callers;
  if (caller == nullptr) return callers;
  const std::size_t known = caller->extras ? caller->extras->callers.size() : 0;
  callers.reserve(std::min(known + 1, most_callers));
  callers.push_back(caller->id());
  for (std::size_t i = 0; i < known && callers.size() < most_callers; ++i) {
    callers.push_back(caller->extras->callers[i]);
  }
  return callers;
}

void task_origin::prepare(process& p) const {
  process_extras& extras = p.more();
  if (!label.empty()) extras.label = label;
  extras.callers = callers;
  extras.behaviour = task_that_runs();
  if (core) core->born(p);
}

pid spawn_task(scheduler& s, body_ptr what) { return s.spawn({.what = std::move(what)}).id(); }

void task_threw(process& p) noexcept {
  // `threw` leaves the reason alone if the exception only says that the stop request was obeyed.
  const exit_reason asked = p.reason;
  threw(p);
  p.exit_reason_final = true;
  if (p.reason != asked) p.extras->behaviour = task_that_failed();
}

// One task. A refusal that its owner has never looked at is reported when the last reference goes.
task_core::~task_core() {
  if (unheard_ != nullptr && !taken_) unheard_->tell(refusal_, reason);
}

void task_core::check_owner() const {
  scheduler* const s = scheduler::active();
  if (s != nullptr && s->current() != nullptr && s->current()->id() == owner) return;
  throw std::logic_error{
      "coppice: only the process that started a task may wait for it or stop it"};
}

boost::system::error_code task_core::error() const noexcept {
  if (taken_) return errc::noproc;
  if (replied_) return {};
  if (refusal_) return refusal_;
  return errc::died;
}

void task_core::forget(exit_reason why) noexcept {
  if (!over_ && !taken_) reason = std::move(why);
  taken_ = true;
  list_hook::unlink();
  drop_value();
}

void task_core::unlink_owner() {
  link = link_mode::none;
  if (process* const p = access::slot(owner); p != nullptr && task) cut_link(*p, task);
}

bool task_core::cancel_start() noexcept {
  if (task) return false;
  called_off_ = true;
  return true;
}

void task_core::ask(const exit_reason& why) noexcept {
  if (process* const p = access::slot(task); p != nullptr) {
    home.signal(*p, owner, why, stop_request::level::exit_signal);
  }
}

void task_core::kill() noexcept {
  if (process* const p = access::slot(task); p != nullptr) home.kill(*p);
}

void task_core::reply_is_there() noexcept {
  if (taken_) return;
  replied_ = true;
  if (listener != nullptr) listener->task_settled(*this);
}

void task_core::fire(const pid&, const exit_reason& why) noexcept {
  const task_ptr kept{this};
  over_ = true;
  reason = why;
  if (listener != nullptr && !replied_) listener->task_settled(*this);
  if (listener != nullptr) listener->task_over(*this);
}

void task_core::refuse(boost::system::error_code ec, exit_reason why,
                       std::unique_ptr<refusal> unheard) noexcept {
  if (task || taken_) return;  // it has started, but its supervisor died before it could say so
  refusal_ = ec;
  unheard_ = std::move(unheard);
  fire({}, why);
}

// Called when the process is spawned and has not run, so the owner cannot have missed anything. A
// task that was called off meanwhile, or whose owner has ended, is stopped before it runs.
void task_core::born(process& p) {
  task = p.id();
  if (!taken_) p.more().subscriptions.push_back(*this);
  process* const o = access::slot(owner);
  if (o == nullptr || !home.takes_signals(*o) || called_off_) {
    home.ask_to_stop(p, exit_reason::shutdown("nobody waits for it any more"),
                     stop_request::level::exit_signal);
  } else if (link == link_mode::link) {
    home.link(*o, p);
  }
}

// ---- Waiting for one

void task_wait::arm(waiter& w) {
  target = &w;
  if (core->listener != nullptr) {
    already_awaited = true;
    w.wake();
    return;
  }
  core->listener = this;
  if (core->settled()) {
    w.wake();
  } else {
    timer.arm(w, limit);
  }
}

void task_wait::disarm() noexcept {
  if (core->listener == this) core->listener = nullptr;
  timer.disarm();
}

void task_wait::task_settled(task_core&) noexcept { target->wake(); }

boost::system::error_code task_wait::outcome() noexcept {
  if (already_awaited) return asio::error::already_started;
  if (!core->settled()) {
    core->forget(exit_reason::timeout());
    return errc::timeout;
  }
  const auto ec = core->error();
  if (ec) core->forget(core->reason);
  return ec;
}

// Ending one, as Task.shutdown/2 does: ask, wait, kill. A result that was there before counts.
task_shutdown_wait::task_shutdown_wait(task_ptr c, const shutdown& how)
    : core{std::move(c)}, brutal{how.is_brutal_kill()} {
  if (!how.is_timed()) return;
  if (how.time() < duration::zero()) {
    throw std::invalid_argument{"coppice: the shutdown time of a task must not be negative"};
  }
  budget = how.time();
}

void task_shutdown_wait::arm(waiter& w) {
  target = &w;
  already_awaited = core->listener != nullptr;
  if (already_awaited || core->taken()) {
    w.wake();
    return;
  }
  core->listener = this;
  core->unlink_owner();
  if (core->over()) {
    w.wake();
  } else if (core->cancel_start()) {
    start_cancelled = true;
    w.wake();
  } else if (brutal) {
    asked = killed = true;
    core->kill();
  } else {
    asked = true;
    core->ask(exit_reason::shutdown());
    timer.arm(w, budget);
  }
}

bool task_shutdown_wait::poll() {
  if (already_awaited || start_cancelled || core->taken() || core->over()) return true;
  if (timer.has_expired() && !std::exchange(killed, true)) core->kill();
  return core->over();
}

void task_shutdown_wait::disarm() noexcept {
  timer.disarm();
  if (core->listener == this) core->listener = nullptr;
  if (asked && !core->over() && !std::exchange(killed, true)) core->kill();
}

void task_shutdown_wait::task_over(task_core&) noexcept { target->wake(); }

bool task_shutdown_wait::obeyed() const noexcept {
  if (start_cancelled) return true;
  if (core->taken() || core->replied() || !asked) return false;
  return brutal ? core->reason.kind() == exit_reason::kind_type::killed
                : core->reason == exit_reason::shutdown();
}

// ---- Waiting for several

void task_group_wait::arm(waiter& w) {
  target = &w;
  for (const task_ptr& c : cores) already_awaited = already_awaited || c->listener != nullptr;
  if (!already_awaited) {
    for (const task_ptr& c : cores) {
      c->listener = this;
      if (!c->settled()) {
        ++open;
      } else if (stop_at_failure && !failed && c->error()) {
        failed = c;
      }
    }
  }
  if (already_awaited || failed || settled() >= wanted) {
    w.wake();
  } else {
    timer.arm(w, limit);
  }
}

bool task_group_wait::poll() {
  if (already_awaited || failed) return true;
  if (!late.empty()) return dying == 0;  // the time was over before: the killed ones are awaited
  if (settled() >= wanted) return true;
  if (!timer.has_expired()) return false;
  if (stop_at_failure || on_timeout != unfinished_tasks::kill_task) return true;
  late.resize(cores.size());
  for (std::size_t i = 0; i < cores.size(); ++i) {
    task_core& c = *cores[i];
    if (c.settled()) {
      c.listener = nullptr;
      continue;
    }
    late[i] = true;
    c.unlink_owner();
    if (c.cancel_start()) continue;  // it never ran, so nobody has to wait for its end
    ++dying;
    c.kill();
  }
  return dying == 0;
}

void task_group_wait::disarm() noexcept {
  timer.disarm();
  for (const task_ptr& c : cores) {
    if (c->listener == this) c->listener = nullptr;
  }
}

void task_group_wait::task_settled(task_core& c) noexcept {
  --open;
  if (stop_at_failure && !failed && c.error()) failed = &c;
  target->wake();
}

void task_group_wait::task_over(task_core&) noexcept {
  if (late.empty()) return;
  --dying;
  target->wake();
}

boost::system::error_code task_group_wait::outcome() noexcept {
  if (already_awaited) return asio::error::already_started;
  if (!failed && settled() == wanted) return {};
  const boost::system::error_code ec =
      failed ? failed->error() : boost::system::error_code{errc::timeout};
  const exit_reason why = failed ? exit_reason::noproc() : exit_reason::timeout();
  for (const task_ptr& c : cores) c->forget(why);
  return ec;
}

bool task_group_wait::tells(std::size_t i) {
  task_core& c = *cores[i];
  if (c.taken()) return true;
  if (!late.empty() && late[i]) {
    const bool obeyed = !c.over() || c.reason.kind() == exit_reason::kind_type::killed;
    if (c.replied() || !obeyed) return true;
    c.forget(exit_reason::killed());
    return false;
  }
  if (c.settled()) return true;
  if (timed_out() && on_timeout == unfinished_tasks::ignore) {
    c.unlink_owner();
    c.forget(exit_reason::noproc());
  }
  return false;
}

}  // namespace coppice::detail
