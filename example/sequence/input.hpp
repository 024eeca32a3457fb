#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <string>

namespace sequence {

/// Bytes from a file descriptor, read without blocking the loop and kept until they are used.
class input {
 public:
  /// @param fd Closed by this. Whoever shares its file description may find it non-blocking; it is
  ///   as it was when this is gone.
  input(boost::asio::io_context& io, int fd);
  input(const input&) = delete;
  input& operator=(const input&) = delete;
  ~input();

  /// What has arrived and was not used yet; whoever uses it takes it out.
  std::string waiting;

  /// Adds to `waiting`, once something arrives.
  ///
  /// @return False at the end of the input.
  /// @par Cancellation
  /// `terminal`: nothing is lost.
  [[nodiscard]] boost::asio::awaitable<bool> read();

 private:
  boost::asio::posix::stream_descriptor from_;
  int flags_;
  std::array<char, 4096> chunk_;
};

}  // namespace sequence
