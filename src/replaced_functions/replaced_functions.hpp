#pragma once

namespace coppice::detail {

// The functions of the C library that a simulation replaces are linked with whoever calls these.
void link_time_functions() noexcept;
void link_wait_functions() noexcept;
void link_socket_functions() noexcept;
void link_io_functions() noexcept;
void link_thread_functions() noexcept;
void link_lock_functions() noexcept;

}  // namespace coppice::detail
