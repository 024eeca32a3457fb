#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/process/new_owner.hpp>
#include <coppice/pid.hpp>

namespace coppice {

/// Whether `controlling_process` can hand it over: an I/O object of Asio that can be moved, whose
/// `executor_type` can be a `coppice::executor` (as `any_io_executor` can), or a stream over one:
/// something with a `next_layer()`, or a stream of Beast.
///
/// An `asio::signal_set` is none, as it cannot be moved; nor is an object on the executor type of
/// the io_context, which has no room for a process. The channels of Boost 1.81 do not compile:
/// their move from one executor type to another is broken.
template <class Object>
concept transferable = detail::io_object<detail::lowest<Object>>;

/// Hands a socket, acceptor, timer, descriptor or the like over to the calling process, which it
/// belongs to from now on, as if it had been made there.
///
/// A socket that was accepted has the executor of the process that accepted it. Handlers that name
/// no executor run as that process, and not at all when it has ended; so do those of a timer that
/// is made with `socket.get_executor()`. So a session's first statement is
///
///     coppice::controlling_process(socket);
///
/// The object stays where it is, with its descriptor, options, expiry and all; references to it
/// remain valid. It costs a few moves and no system call. Of a stream in layers, the lowest object
/// is handed over, on which the layers rely.
///
/// The lifetime of the object is what C++ makes it: it ends with what holds it, as a rule with the
/// frames of the process that it was handed to.
///
/// @param object Anything `transferable`.
/// @par Operations under way
/// They are left alone: they complete to whoever began them, or not at all if that process has
/// ended.
/// @throws std::logic_error outside of processes.
/// @throws std::invalid_argument if the object is on another io_context than the process. Nothing
///   has changed then.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Complexity
/// Constant.
/// @par Origin
/// `gen_tcp:controlling_process/2`. Differs: anybody who has the object may hand it over, not only
/// its owner; and it is not closed for the mere reason that its owner ends.
template <transferable Object>
void controlling_process(Object& object) {
  auto& lowest = detail::lowest_io_object(object);
  detail::give(lowest, detail::new_owner(detail::context_of(lowest)));
}

/// Hands it over to another process.
///
/// @throws boost::system::system_error `errc::noproc` if there is no such process (any more).
/// @throws std::invalid_argument if the object is on another io_context than the process.
///   In either case nothing has changed.
template <transferable Object>
void controlling_process(Object& object, const pid& process) {
  auto& lowest = detail::lowest_io_object(object);
  detail::give(lowest, detail::new_owner(process, detail::context_of(lowest)));
}

}  // namespace coppice
