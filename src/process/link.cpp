#include <coppice/link.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>

#include <utility>

namespace coppice {

using detail::current_process;
using detail::process;

namespace detail {

// A link is an entry of each process in the set of the other. It belongs to one io_context, so both
// sides always change together; between two loops there would be two truths.

mailbox_trap::~mailbox_trap() = default;

void set_trap(std::shared_ptr<signal_trap> trap) {
  current_process().more().trap = std::move(trap);
}

void cut_link(process& me, const pid& other) {
  // After unlink no exit signal through the link arrives, as in Erlang: a signal that is already in
  // the mailbox of a process that traps exits is taken out.
  if (process* p = detail::access::slot(other); p != nullptr) me.home.unlink(me, *p);
  if (!me.extras || !me.extras->trap) return;
  if (auto* trap = dynamic_cast<mailbox_trap*>(me.extras->trap.get())) {
    if (const auto box = trap->core.lock()) box->purge(other.number() | signal_tag);
  }
}

}  // namespace detail

void link(const pid& other) {
  process& me = current_process();
  detail::check_reach(detail::access::home(other), "link");
  process* p = detail::access::slot(other);
  if (p == &me) return;
  if (p != nullptr && !p->life.is_exiting()) {
    me.home.link(me, *p);
  } else {
    // A link to a process that has ended gives an exit signal `noproc` to the caller, which stops
    // it unless it traps exits.
    me.home.signal(me, other, exit_reason::noproc(), detail::stop_request::level::exit_signal);
  }
}

void unlink(const pid& other) { detail::cut_link(current_process(), other); }

void untrap_exit() {
  if (process& me = current_process(); me.extras) me.extras->trap.reset();
}

}  // namespace coppice
