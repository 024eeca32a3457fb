#pragma once

#include <coppice/config.hpp>
#include <coppice/pid.hpp>

#include <optional>
#include <string>
#include <vector>

namespace coppice {

/// Describes a living process, or one whose end is being reported.
struct process_info {
  pid id;  ///< The process itself.
  /// As it was given to `spawn`, or the id of the child; may be empty.
  std::string label;
  std::string name;             ///< Under which it is registered; empty if it is not.
  pid parent;                   ///< Its supervisor, or else the process that spawned it.
  std::vector<pid> ancestors;   ///< Parent, grandparent and so on, as far as they live.
  std::vector<pid> callers;     ///< Of a task: as `coppice::callers()`.
  std::vector<pid> links;       ///< The processes to which it is linked.
  bool traps_exits = false;     ///< Whether exit signals are messages to it.
  bool started = false;         ///< Has run at all.
  bool waiting_in_coppice = false;  ///< Waits in one of coppice's own operations.
};

/// Tells about a process, or nothing if it has ended.
///
/// @par Origin
/// `erlang:process_info/1`.
[[nodiscard]] COPPICE_API std::optional<process_info> info(const pid& process);

}  // namespace coppice
