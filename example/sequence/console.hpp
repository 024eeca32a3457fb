#pragma once

#include "sequence_ref.hpp"
#include "user_interface.hpp"

#include <boost/asio/awaitable.hpp>

namespace sequence {

/// The console process: reads a line, does what it says, and goes on until the input ends; then it
/// has the whole tree stopped, as a signal would.
///
/// If it crashes or is killed, its supervisor starts it again, and the next line is read as if
/// nothing had been.
///
/// @param ui Outlives the process.
[[nodiscard]] boost::asio::awaitable<void> run_console(user_interface& ui, sequence_ref numbers);

}  // namespace sequence
