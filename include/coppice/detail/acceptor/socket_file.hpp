#pragma once

#include <coppice/config.hpp>

#include <cstdint>
#include <string>

namespace coppice::detail {

// The file of a local socket. It outlives the socket, and nobody can listen there again as long as
// it exists; so it is removed with this.
class COPPICE_API socket_file {
 public:
  socket_file() noexcept = default;
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;
  ~socket_file() { remove(); }

  // Removes the file of a socket on which nobody listens any more. Tells whether there was one.
  static bool remove_dead(const std::string& path) noexcept;
  // A socket has been bound to that path just now.
  void bound_to(const std::string& path);
  // Leaves a file alone that somebody else has put there since.
  void remove() noexcept;

 private:
  std::string path_;  // empty: there is none
  std::uint64_t device_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace coppice::detail
