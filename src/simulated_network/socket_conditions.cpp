#include "socket_conditions.hpp"

namespace coppice::detail {

namespace {

// Gives the name of a fault, or of a question to chance, of the processes of that name.
std::string name_of(const char* what, const std::string& name) {
  return name.empty() ? what : std::string{what} + ':' + name;
}

}  // namespace

socket_conditions::socket_conditions(simulated_system& s, const network_conditions& c,
                                     const std::string& name)
    : faults_{s.faults()},
      given_{c},
      latency_{s.seed(), name_of("latency", name)},
      pieces_{s.seed(), name_of("pieces", name)},
      refused_{faults_.add(name_of("refuse", name), c.refuse)},
      reset_{faults_.add(name_of("reset", name), c.reset)},
      short_read_{faults_.add(name_of("short_read", name), c.short_read)},
      short_write_{faults_.add(name_of("short_write", name), c.short_write)},
      no_descriptor_{faults_.add(name_of("no_descriptor", name), c.no_descriptor)} {}

std::size_t socket_conditions::piece_of(std::size_t size) noexcept {
  if (size < 2 || !faults_.happens(short_read_)) return size;
  return 1 + static_cast<std::size_t>(pieces_.below(size - 1));
}

}  // namespace coppice::detail
