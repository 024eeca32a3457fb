#pragma once

#include <coppice/config.hpp>
#include <coppice/run.hpp>

#include <boost/asio/io_context.hpp>

namespace coppice {

/// Asks the program to stop from inside, in the order in which a signal would: see `run`. Returns at
/// once. Nothing happens if it is stopping already, but that a first exit code is kept; nor if
/// neither `run` nor `run_applications` runs on that io_context.
///
/// @param exit_code What `run` returns if the stop goes as it should.
/// @throws std::logic_error if it is given no io_context, outside of processes.
/// @par Thread safety
/// Safe, on any thread, as long as the io_context lives; without an io_context for processes alone.
/// @par Origin
/// `init:stop/1`; Elixir's `System.stop/1`.
COPPICE_API void stop_program(int exit_code = exit_stopped);
COPPICE_API void stop_program(boost::asio::io_context& io, int exit_code = exit_stopped);

}  // namespace coppice
