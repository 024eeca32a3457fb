#pragma once

#include <coppice/child_policy.hpp>

#include <chrono>
#include <string>

namespace coppice {

/// How a supervised task is started that somebody waits for. It is never restarted: the handle
/// would be lost.
struct task_options {
  /// Shown in reports.
  std::string label{};
  /// How it is stopped, when its supervisor is to stop.
  coppice::shutdown shutdown = std::chrono::seconds{5};
};

/// How a supervised task is started that nobody waits for.
struct task_child_options {
  std::string label{};                                     ///< Told in reports; any text.
  coppice::restart restart = coppice::restart::temporary;  ///< When it is started again.
  /// How it is stopped, when its supervisor is to stop.
  coppice::shutdown shutdown = std::chrono::seconds{5};
};

}  // namespace coppice
