#include "network.hpp"

#include <algorithm>

namespace coppice::detail {

network::network(simulated_system& s, const network_conditions& c)
    : system_{s},
      conditions_{c},
      latency_{s.seed(), "latency"},
      pieces_{s.seed(), "pieces"},
      refused_{s.faults().add("refuse", c.refuse)},
      reset_{s.faults().add("reset", c.reset)},
      short_read_{s.faults().add("short_read", c.short_read)},
      short_write_{s.faults().add("short_write", c.short_write)},
      no_descriptor_{s.faults().add("no_descriptor", c.no_descriptor)} {
  s.attach(*this);
}

stream_socket* network::listener(const address& where) const noexcept {
  address any{where.family, {}, where.port};
  for (const address& a : {where, any}) {
    if (const auto found = listeners_.find(a); found != listeners_.end()) return found->second;
  }
  if (where.family == AF_INET) {
    any.family = AF_INET6;
    if (const auto found = listeners_.find(any); found != listeners_.end()) return found->second;
  }
  return nullptr;
}

bool network::listen(const address& where, stream_socket& s) {
  return listeners_.emplace(where, &s).second;
}

void network::stop_listening(const stream_socket& s) noexcept {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second == &s; });
}

std::uint16_t network::free_port() noexcept {
  const auto taken = [this](std::uint16_t port) {
    return std::any_of(listeners_.begin(), listeners_.end(),
                       [port](const auto& entry) { return entry.first.port == port; });
  };
  do {
    if (++last_port_ == 0) last_port_ = 40'000;
  } while (taken(last_port_));
  return last_port_;
}

std::size_t network::piece_of(std::size_t size) noexcept {
  if (size < 2 || !faults().happens(short_read_)) return size;
  return 1 + static_cast<std::size_t>(pieces_.below(size - 1));
}

}  // namespace coppice::detail
