#pragma once

#include <coppice/config.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

namespace asio = boost::asio;

/// The state of one process at the moment, for those who look for one that hangs.
struct process_state {
  pid id;                           ///< Which process.
  std::string name;                 ///< Its registered name, or else its label; may be empty.
  pid parent;                       ///< Its supervisor, or else the process that spawned it.
  std::string_view kind{};          ///< "process", "server", "supervisor" or "task".
  /// "spawned", "running", "waiting", "stopping" (it was asked to), or "exiting".
  std::string_view state{};
  /// For what it waits, as in "a message" or "the answer of cache <7>"; empty if that is an
  /// operation of Asio's, or if it does not wait.
  std::string waits_for;
  std::chrono::milliseconds rests{};  ///< Since it ran last; a few milliseconds off.
  std::size_t messages = 0;         ///< In its queue, or in its mailboxes.
  std::size_t restarts = 0;         ///< By its supervisor, so far.
  /// The coroutines that await each other, the innermost first: see `stack_of`.
  std::vector<std::string> stack;
};

/// All processes of an io_context, parents before their children.
///
/// @throws std::logic_error if another thread runs the io_context.
/// @par Complexity
/// Linear in the number of processes and mailboxes; naming the frames of each takes microseconds.
/// @par Origin
/// Erlang's `observer`, and the crash dump of the emulator.
[[nodiscard]] COPPICE_API std::vector<process_state> process_states(asio::io_context& io);

/// The same for one process, or nothing if it has ended.
///
/// @throws std::logic_error if another thread runs its io_context.
[[nodiscard]] COPPICE_API std::optional<process_state> process_state_of(const pid& process);

/// All of them as text: a process a line, children below their parents, their stacks below them.
///
///     <1> shop (supervisor) waits for its children, 0.9 s
///       <2> cache (server) waits for a message, 0.2 s, 1 restart
///       <3> loader waits 12.5 s
///           fetch(std::string) (/usr/bin/shop+0x1a2b0)
///           loader() (/usr/bin/shop+0x19c40)
[[nodiscard]] COPPICE_API std::string dump(asio::io_context& io);

/// The coroutines of a process that await each other, the innermost first; empty if it has not run,
/// and of a task that runs.
///
/// Functions have names where the program tells them: those of shared objects, and of a program
/// that is linked with `-rdynamic`; but g++ makes those of coroutines local when it optimises. Of
/// others only the place is told, which `addr2line -Cfe /usr/bin/shop 0x1a2b0` turns into function,
/// file and line. Coroutines that a task awaits and which are `asio::awaitable`s are not seen, nor
/// the other way round, nor those that are awaited with a deadline, nor what runs beside the body
/// (`||`). Empty for awaitables with `COPPICE_DOCUMENTED_ASIO_ONLY`.
[[nodiscard]] COPPICE_API std::vector<std::string> stack_of(const pid& process);

}  // namespace coppice
