#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

namespace coppice::detail {

// The scheduler at work on this thread. Throws std::logic_error outside of processes.
COPPICE_API scheduler& here();

// The calling process. Throws std::logic_error outside of processes.
COPPICE_API process& current_process();

// The same, or null outside of processes.
COPPICE_API process* current_process_if_any() noexcept;

// The calling process if it is one of that scheduler, or null.
COPPICE_API process* caller_on(scheduler& s) noexcept;

// Throws std::logic_error, naming the function of the interface, if the caller must not touch what
// belongs to that scheduler: a process may only touch what belongs to its own io_context, others only
// what no other thread runs.
COPPICE_API void check_reach(const scheduler& home, const char* function);
// Nothing is refused of what belongs to no scheduler: of nobody, or gone.
inline void check_reach(const scheduler* home, const char* function) {
  if (home != nullptr) check_reach(*home, function);
}

}  // namespace coppice::detail
