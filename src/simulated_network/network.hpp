#pragma once

#include "address.hpp"
#include "chance/fault_plan.hpp"
#include "chance/random_stream.hpp"
#include "simulated_system/simulated_system.hpp"

#include <coppice/simulation_options.hpp>

#include <cstddef>
#include <cstdint>
#include <map>

namespace coppice::detail {

class stream_socket;

// The network of a simulated system: who listens where, how long bytes travel, and what befalls
// them on the way.
class network {
 public:
  network(simulated_system& s, const network_conditions& c);

  [[nodiscard]] simulated_system& system() noexcept { return system_; }

  // Gives the socket that listens there, or null.
  [[nodiscard]] stream_socket* listener(const address& where) const noexcept;
  // Returns false if somebody listens there already.
  bool listen(const address& where, stream_socket& s);
  void stop_listening(const stream_socket& s) noexcept;
  // A port that nobody has.
  std::uint16_t free_port() noexcept;

  // Draws.
  duration travel_time() noexcept {
    return faults().is_over() ? conditions_.latency_min
                              : latency_.between(conditions_.latency_min, conditions_.latency_max);
  }
  // Gives how many of so many bytes travel together.
  std::size_t piece_of(std::size_t size) noexcept;
  bool is_refused() { return faults().happens(refused_); }
  bool is_reset() { return faults().happens(reset_); }
  bool is_write_short() { return faults().happens(short_write_); }
  bool lacks_descriptors() { return faults().happens(no_descriptor_); }

 private:
  [[nodiscard]] fault_plan& faults() noexcept { return system_.faults(); }

  simulated_system& system_;
  const network_conditions conditions_;
  random_stream latency_;
  random_stream pieces_;
  fault_plan::kind refused_;
  fault_plan::kind reset_;
  fault_plan::kind short_read_;
  fault_plan::kind short_write_;
  fault_plan::kind no_descriptor_;
  std::map<address, stream_socket*> listeners_;
  std::uint16_t last_port_ = 40'000;
};

}  // namespace coppice::detail
