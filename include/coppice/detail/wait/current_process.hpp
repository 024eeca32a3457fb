#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>

namespace coppice::detail {

// Gives the scheduler at work on this thread. Throws std::logic_error outside of processes.
COPPICE_API scheduler& here();

// Gives the calling process. Throws std::logic_error outside of processes.
COPPICE_API process& current_process();

// Gives the calling process, or null outside of processes.
COPPICE_API process* current_process_if_any() noexcept;

// Gives the calling process if it belongs to that scheduler, otherwise null.
COPPICE_API process* caller_on(scheduler& s) noexcept;

// Throws std::logic_error, which names the function of the interface, if the caller must not touch
// objects of that scheduler. A process may touch objects of its own io_context only; code outside
// of processes, those of an io_context that no other thread runs.
COPPICE_API void check_reach(const scheduler& home, const char* function);
// Null stands for an object without a scheduler (an empty pid, or one whose io_context is gone):
// touching it is harmless and allowed.
inline void check_reach(const scheduler* home, const char* function) {
  if (home != nullptr) check_reach(*home, function);
}

}  // namespace coppice::detail
