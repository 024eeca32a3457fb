#include <coppice/detail/wait/current_process.hpp>

#include <stdexcept>
#include <string>

namespace coppice::detail {

// The scheduler at work is a thread_local of the runtime, and its current process a member of it.
// So these functions need no parameter, and cost a load or two. A handler that the io_context calls
// outside of coppice has neither: the functions throw there, or give null.

scheduler& here() {
  scheduler* s = scheduler::active();
  if (s == nullptr) throw std::logic_error{"coppice: no process runs on this thread right now"};
  return *s;
}

process& current_process() {
  process* const p = here().current();
  if (p == nullptr) throw std::logic_error{"coppice: no process runs right now"};
  return *p;
}

process* current_process_if_any() noexcept {
  scheduler* const s = scheduler::active();
  return s != nullptr ? s->current() : nullptr;
}

process* caller_on(scheduler& s) noexcept {
  return scheduler::active() == &s ? s.current() : nullptr;
}

void check_reach(const scheduler& home, const char* function) {
  // A process may run on a thread that is also allowed to touch another io_context (one that no
  // thread runs). It is refused all the same: whether that works would depend on the moment.
  if (const scheduler* const mine = scheduler::active(); mine == nullptr) {
    home.check_thread(function);
  } else if (mine != &home) {
    throw std::logic_error{std::string{"coppice: "} + function +
                           ": what is of another io_context cannot be reached from this one"};
  }
}

}  // namespace coppice::detail
