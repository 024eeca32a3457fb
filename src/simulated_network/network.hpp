#pragma once

#include "address.hpp"
#include "simulated_system/simulated_system.hpp"
#include "socket_conditions.hpp"

#include <coppice/simulation_options.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace coppice::detail {

class stream_socket;

// The network of a simulated system: who listens where, and under which conditions sockets work.
class network {
 public:
  // Tells whether such a name, as in `process_network`, is that of the process that runs.
  using has_name = std::function<bool(const std::string& process)>;

  network(simulated_system& s, const network_conditions& others,
          const std::vector<process_network>& named, has_name opener_has_name);

  [[nodiscard]] simulated_system& system() noexcept { return system_; }

  // Gives the socket that listens there, or null.
  [[nodiscard]] stream_socket* listener(const address& where) const noexcept;
  // Returns false if somebody listens there already.
  bool listen(const address& where, stream_socket& s);
  void stop_listening(const stream_socket& s) noexcept;
  // A port that nobody has.
  std::uint16_t free_port() noexcept;

  // Gives the conditions for a socket that is opened now.
  socket_conditions& conditions_of_opener();

 private:
  simulated_system& system_;
  struct named_conditions {
    std::string process;
    socket_conditions conditions;
  };
  std::vector<named_conditions> named_;
  socket_conditions others_;  // for the sockets of processes that are not named
  const has_name opener_has_name_;
  std::map<address, stream_socket*> listeners_;
  std::uint16_t last_port_ = 40'000;
};

}  // namespace coppice::detail
