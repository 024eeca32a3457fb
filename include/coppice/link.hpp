#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/mailbox/mailbox_trap.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/pid.hpp>

#include <concepts>
#include <memory>

namespace coppice {

/// Ties the calling process to another: when one ends, the other gets an exit signal with its
/// reason. At most one link per pair. Linking to a process that has ended delivers the signal
/// noproc.
///
/// @throws std::logic_error outside of processes, or if the other one is of another io_context.
/// @par Complexity
/// Constant.
/// @par Origin
/// `erlang:link/1`. Apart from the tie between supervisor and child, which cannot be cut.
COPPICE_API void link(const pid& other);

/// Cuts the link, if there is one. No exit signal comes through it after this, not even one that
/// waits in the mailbox of a process that traps exits.
///
/// @par Origin
/// `erlang:unlink/1` with the flush.
COPPICE_API void unlink(const pid& other);

/// From now on exit signals to the calling process become messages in `box`, in order with the
/// others, normal ones and requests to stop included; only kill ends it unasked. Ends with the box.
///
/// @tparam T Constructible from `exit_signal`. What that throws ends the calling process.
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `process_flag(trap_exit, true)`.
template <std::constructible_from<exit_signal> T>
void trap_exit(mailbox<T>& box) {
  detail::access::core(box.get_address())->used_by_current();
  detail::set_trap(std::make_shared<detail::typed_trap<T>>(box.get_address()));
}

/// Exit signals act on the calling process again.
COPPICE_API void untrap_exit();

}  // namespace coppice
