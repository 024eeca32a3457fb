#include <coppice/process.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <stdexcept>

namespace coppice {

using detail::current_process;
using detail::process;
using detail::scheduler;

namespace detail {

// The free functions of processes: each finds the current process or the target, checks the thread,
// and leaves the work to the scheduler.

pid spawn_body(scheduler& s, body_ptr&& what, std::string_view label) {
  return s.spawn({.what = std::move(what), .label = label}).id();
}

pid spawn_linked(body_ptr&& what, std::string_view label) {
  process& parent = current_process();
  // Nothing of the child runs before this function returns, so it cannot end before it is linked.
  process& child = parent.home.spawn({.what = std::move(what), .label = label});
  parent.home.link(parent, child);
  return child.id();
}

}  // namespace detail

pid self() noexcept {
  process* const me = detail::current_process_if_any();
  return me != nullptr ? me->id() : pid{};
}

void checkpoint() {
  if (process* const me = detail::current_process_if_any(); me != nullptr) me->home.checkpoint(*me);
}

namespace {

// The reason `kill` cannot be trapped; all other reasons are ordinary signals, as with exit/2.
void send_signal(const pid& target, const pid& from, const exit_reason& reason) {
  process* p = detail::access::slot(target);
  if (p == nullptr) return;
  if (reason.kind() == exit_reason::kind_type::kill) {
    p->home.kill(*p);
  } else {
    p->home.signal(*p, from, reason, detail::stop_request::level::exit_signal);
  }
}

}  // namespace

void exit(const pid& target, exit_reason reason) {
  scheduler* const home = detail::access::home(target);
  if (home == nullptr) return;
  // Elsewhere the signal is posted. Order is kept: signals of one thread to one io_context arrive
  // in the order in which they were sent.
  if (scheduler::is_callers(home->serial())) {
    send_signal(target, self(), reason);
  } else {
    home->post([target, from = self(), why = std::move(reason)] {
      send_signal(target, from, why);
    });
  }
}

void kill(const pid& target) { exit(target, exit_reason::kill()); }

void set_label(std::string_view label) { current_process().set_label(label); }

std::vector<pid> callers() {
  const process& me = current_process();
  return me.extras ? me.extras->callers : std::vector<pid>{};
}

std::vector<pid> processes(asio::io_context& io) {
  return scheduler::of(io, "processes").processes();
}

void set_abandon_after(asio::io_context& io, std::chrono::steady_clock::duration time) {
  scheduler::of(io, "set_abandon_after").set_abandon_after(time);
}

}  // namespace coppice
