#pragma once

#include "address.hpp"
#include "connection.hpp"
#include "network.hpp"
#include "simulated_system/descriptor.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace coppice::detail {

// A stream socket of the simulated network: one that listens, or one end of a connection. Its
// functions give what the system calls of their names give, or the errno below 0.
class stream_socket final : public descriptor, public std::enable_shared_from_this<stream_socket> {
 public:
  stream_socket(network& n, socket_conditions& c, int family) noexcept
      : in_{n}, conditions_{c}, local_{family, {}, 0}, peer_{local_} {}

  static std::pair<std::shared_ptr<stream_socket>, std::shared_ptr<stream_socket>> pair(network& n);

  [[nodiscard]] std::uint32_t readiness() const noexcept override;
  ssize_t read(std::span<const iovec> into, int flags) override;
  ssize_t write(std::span<const iovec> from, int flags) override;
  void closed() override;

  int bind(const address& where);
  int listen(int backlog);
  int connect(const address& where);
  // Gives a socket, or the errno below 0.
  std::pair<std::shared_ptr<stream_socket>, int> accept();
  int shutdown(int how);
  int set_option(int level, int name, const void* value, socklen_t size);
  int option(int level, int name, void* value, socklen_t* size);

  [[nodiscard]] socket_conditions& conditions() const noexcept { return conditions_; }
  [[nodiscard]] const address& local() const noexcept { return local_; }
  [[nodiscard]] const address& peer() const noexcept { return peer_; }
  [[nodiscard]] bool is_connected() const noexcept { return wire_ != nullptr && !connecting_; }
  [[nodiscard]] std::size_t available() const noexcept {
    return wire_ ? wire_->incoming(end_).available() : 0;
  }

  // Called by its connection.
  void something_happened() { changed(); }
  void fail(int error) {
    error_ = error;
    changed();
  }

 private:
  void try_to_connect(int attempt);
  void attach(std::shared_ptr<connection> wire, int end) noexcept;
  int take_error() noexcept { return std::exchange(error_, 0); }

  network& in_;
  socket_conditions& conditions_;
  address local_;
  address peer_;
  bool bound_ = false;
  bool connecting_ = false;
  bool open_ = true;
  int error_ = 0;
  bool read_shut_ = false;
  bool abort_ = false;  // SO_LINGER with a time of 0

  bool listening_ = false;
  std::size_t backlog_ = 0;
  std::deque<std::shared_ptr<stream_socket>> pending_;

  std::shared_ptr<connection> wire_;
  int end_ = 0;
  std::map<std::pair<int, int>, std::string> options_;
};

}  // namespace coppice::detail
