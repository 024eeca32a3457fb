#include <coppice/detail/process/registry_state.hpp>

#include <coppice/detail/wait/current_process.hpp>

#include <stdexcept>
#include <utility>

namespace coppice::detail {

// A registry is a shared object that may outlive its io_context. It keeps the serial number of the
// scheduler instead of a pointer: once the io_context is gone, the number finds nothing.

process& registry_home::caller(const char* function) const {
  process* me = nullptr;
  if (scheduler* const home = scheduler::find(serial_); home != nullptr) {
    check_reach(*home, function);
    me = home->current();
  }
  if (me == nullptr) throw std::logic_error{"coppice: only a process registers, and only itself"};
  return *me;
}

void registry_home::check_thread(const char* function) const {
  const scheduler* const home = scheduler::find(serial_);
  if (home != nullptr) home->check_thread(function);
}

process_ref registry_home::ref(process_ref::resolver find) const {
  scheduler* const home = scheduler::find(serial_);
  return home != nullptr ? process_ref{home->io(), std::move(find)} : process_ref{};
}

}  // namespace coppice::detail
