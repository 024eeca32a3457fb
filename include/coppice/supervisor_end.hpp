#pragma once

#include <coppice/exit_reason.hpp>

namespace coppice {

/// How a supervisor came to its end.
struct supervisor_end {
  /// The ways in which it ends.
  enum class cause : unsigned char {
    asked,         ///< It was told to stop: by `stop()`, by its parent, or by `exit`.
    start_failed,  ///< A static child did not start.
    gave_up,       ///< The restart budget was exhausted.
    automatic,     ///< Significant children have ended.
  };

  cause why = cause::asked;  ///< Which of them it was.
  exit_reason reason{};  ///< With which its process is to end.
};

}  // namespace coppice
