#pragma once

#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <cstdint>

namespace coppice {

/// The end of a monitored process.
struct down {
  std::uint64_t monitor = 0;  ///< `monitor_ref::id()` of the monitor that this is for.
  pid process;                ///< Who has ended.
  exit_reason reason;         ///< noproc if the process had ended before.
};

}  // namespace coppice
