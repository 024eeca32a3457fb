#pragma once

#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

namespace coppice {

/// An exit signal, as a process that traps exits gets it.
struct exit_signal {
  pid from;            ///< The process that has ended, or has sent it.
  exit_reason reason;  ///< Why that ended, or with which reason it was sent.
};

}  // namespace coppice
