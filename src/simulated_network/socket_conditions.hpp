#pragma once

#include "chance/fault_plan.hpp"
#include "chance/random_stream.hpp"
#include "simulated_system/simulated_system.hpp"

#include <coppice/simulation_options.hpp>

#include <cstddef>
#include <string>

namespace coppice::detail {

// Draws what befalls the sockets of the processes of one name, and how long their bytes travel.
class socket_conditions {
 public:
  // `name` is empty for the sockets of all others.
  socket_conditions(simulated_system& s, const network_conditions& c, const std::string& name);

  duration travel_time() noexcept {
    return faults_.is_over() ? given_.latency_min
                             : latency_.between(given_.latency_min, given_.latency_max);
  }
  // Gives how many of so many bytes travel together.
  std::size_t piece_of(std::size_t size) noexcept;
  bool is_refused() { return faults_.happens(refused_); }
  bool is_reset() { return faults_.happens(reset_); }
  bool is_write_short() { return faults_.happens(short_write_); }
  bool lacks_descriptors() { return faults_.happens(no_descriptor_); }

 private:
  fault_plan& faults_;
  const network_conditions given_;
  random_stream latency_;
  random_stream pieces_;
  fault_plan::kind refused_;
  fault_plan::kind reset_;
  fault_plan::kind short_read_;
  fault_plan::kind short_write_;
  fault_plan::kind no_descriptor_;
};

}  // namespace coppice::detail
