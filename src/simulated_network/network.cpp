#include "network.hpp"

#include <algorithm>
#include <utility>

namespace coppice::detail {

network::network(simulated_system& s, const network_conditions& others,
                 const std::vector<process_network>& named, has_name opener_has_name)
    : system_{s}, others_{s, others, ""}, opener_has_name_{std::move(opener_has_name)} {
  for (const process_network& n : named) {
    named_.push_back({n.process, socket_conditions{s, n.conditions, n.process}});
  }
  s.attach(*this);
}

socket_conditions& network::conditions_of_opener() {
  for (named_conditions& n : named_) {
    if (opener_has_name_(n.process)) return n.conditions;
  }
  return others_;
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

}  // namespace coppice::detail
