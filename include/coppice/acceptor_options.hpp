#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/socket_base.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>

namespace coppice {

/// The options of an `acceptor`: all that is said of one beside its endpoint and its function.
struct acceptor_options {
  /// Under which it is registered, appears in reports, and is found by an `acceptor_ref`; also its
  /// id. Empty: the endpoint as text, "127.0.0.1:4000" or the path of a local one. Several
  /// acceptors on port 0 need names, to have different ones.
  std::string name{};
  /// How many connections there may be at a time. Above zero. When there are as many it accepts
  /// none until one of them has ended: who connects meanwhile waits in the queue of the operating
  /// system.
  std::size_t max_connections = std::numeric_limits<std::size_t>::max();
  /// For how long connections may go on from when it has stopped listening, before they are asked
  /// to stop since the acceptor is. Not negative. Zero asks at once, `infinity` never.
  time_limit drain = std::chrono::steady_clock::duration::zero();
  /// For how long a connection may go on when it is asked to stop, before it is killed.
  coppice::shutdown shutdown = std::chrono::seconds{5};
  /// How many may wait in the queue of the operating system to be accepted, as far as that allows.
  /// Above zero.
  int backlog = boost::asio::socket_base::max_listen_connections;
  /// Whether it listens although connections of an earlier program may still linger at its port
  /// (`SO_REUSEADDR`). Of a local endpoint: whether the file of a socket is replaced on which
  /// nobody listens any more.
  bool reuse_address = true;
};

}  // namespace coppice
