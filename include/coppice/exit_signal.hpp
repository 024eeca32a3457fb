#pragma once

#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

namespace coppice {

/// An exit signal, as a process that traps exits gets it.
struct exit_signal {
  pid from;
  exit_reason reason;
};

}  // namespace coppice
