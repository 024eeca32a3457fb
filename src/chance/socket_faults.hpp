#pragma once

#include <coppice/simulation_options.hpp>

#include <array>

namespace coppice::detail {

// A fault that befalls sockets, by the name under which it is told, and its chance in the options.
struct socket_fault {
  const char* name;
  double network_conditions::* chance;
};

inline constexpr std::array socket_faults{
    socket_fault{"short_read", &network_conditions::short_read},
    socket_fault{"short_write", &network_conditions::short_write},
    socket_fault{"reset", &network_conditions::reset},
    socket_fault{"refuse", &network_conditions::refuse},
    socket_fault{"no_descriptor", &network_conditions::no_descriptor},
};

}  // namespace coppice::detail
