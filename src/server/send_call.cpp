#include <coppice/detail/server/envelope.hpp>

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/server/server_core.hpp>
#include <coppice/report.hpp>

#include <cstddef>
#include <exception>
#include <vector>

// A call arrives at its server here, or fails at once.

namespace coppice::detail {

namespace {

// A process that waits for a server, which waits for another one, and so on to the process itself,
// would wait until one of them loses patience. Nobody in a longer chain is looked for.
constexpr std::size_t most_in_circle = 64;

// Gives the processes from `server` on that wait for each other's answers, if the last one waits
// for `caller`; otherwise nothing. All of them do nothing else meanwhile.
std::vector<pid> circle_back_to(const process& caller, const server_core& server) {
  std::vector<pid> circle{server.self.id()};
  for (pid next = server.awaited(); circle.size() < most_in_circle;) {
    process* const p = access::slot(next);
    if (p == &caller) return circle;
    const behaviour* const b = p != nullptr ? p->behaviour() : nullptr;
    if (b == nullptr) break;
    circle.push_back(next);
    next = b->awaited();
  }
  return {};
}

// Tells whether the call would wait for its own caller, and reports it if so.
bool would_wait_for_itself(process& caller, const server_core& server) {
  std::vector<pid> circle = circle_back_to(caller, server);
  if (circle.empty()) return false;
  circle.insert(circle.begin(), caller.id());
  if (caller.home.listened_to()) caller.home.tell(deadlock_refused{circle});
  return true;
}

}  // namespace

void send_call(reply_slot& slot, envelope& e, const call_terms& terms, const void* tag,
               delivery d) {
  const process* server = nullptr;
  try {
    server = access::slot(terms.target);
  } catch (...) {
    // The function that is to find the server has thrown.
    return slot.fail(errc::noproc, exit_reason::error(std::current_exception()));
  }
  server_core* const core = server_core::of(server, tag);
  process* const caller = slot.home.current();
  // A process that looks into the server through `sys` is not its client: a crash report names only
  // processes that use the server.
  if (!e.out_of_band && caller != nullptr) slot.from = caller->id();
  if (core == nullptr) {
    slot.fail(server_core::why_none(server));
  } else if (core->closed) {
    slot.fail(errc::noproc);
  } else if (caller == &core->self) {
    slot.fail(errc::would_deadlock);
  } else if (terms.holds_caller && core->awaited() && caller != nullptr &&
             would_wait_for_itself(*caller, *core)) {
    slot.fail(errc::would_deadlock);
  } else {
    intrusive_ptr_add_ref(&slot);  // the reference of the queue, which `dispose` gives back
    slot.asked = core;
    core->calls.push_back(slot);
    const bool now = d == delivery::at_once && e.kind == envelope::kind_type::synchronous &&
                     core->is_idle() && slot.home.keeps_own_order();
    if (now) {
      core->handle_at_once(e);
    } else {
      core->push(e);
    }
  }
}

}  // namespace coppice::detail
