#include "socket_conditions.hpp"

namespace coppice::detail {

namespace {

std::string of(const std::string& name, const char* what) {
  return name.empty() ? what : std::string{what} + ':' + name;
}

}  // namespace

socket_conditions::socket_conditions(simulated_system& s, const network_conditions& c,
                                     const std::string& name)
    : faults_{s.faults()},
      given_{c},
      latency_{s.seed(), of(name, "latency")},
      pieces_{s.seed(), of(name, "pieces")},
      refused_{faults_.add(of(name, "refuse"), c.refuse)},
      reset_{faults_.add(of(name, "reset"), c.reset)},
      short_read_{faults_.add(of(name, "short_read"), c.short_read)},
      short_write_{faults_.add(of(name, "short_write"), c.short_write)},
      no_descriptor_{faults_.add(of(name, "no_descriptor"), c.no_descriptor)} {}

std::size_t socket_conditions::piece_of(std::size_t size) noexcept {
  if (size < 2 || !faults_.happens(short_read_)) return size;
  return 1 + static_cast<std::size_t>(pieces_.below(size - 1));
}

}  // namespace coppice::detail
