#pragma once

#include <coppice/report.hpp>

namespace coppice::detail {

// Prints to stderr what blocks a loop while it still does, with its stack: what a watchdog does if
// it is told nothing else. It is defined in report_sink, which lies above. Any thread may call it.
void print_blocked(const loop_blocked& x);

}  // namespace coppice::detail
