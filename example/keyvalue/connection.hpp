#pragma once

#include "budget.hpp"
#include "store_process.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>

namespace keyvalue {

using socket_type = boost::asio::basic_stream_socket<boost::asio::ip::tcp, coppice::executor>;

/// What connections have in common. Outlives them.
struct common {
  store_link store{};
  /// For what is on its way to and from all of them: a gigabyte.
  budget under_way{std::size_t{1} << 30};
  /// A client that has not taken a byte of its answers for as long is hung up on.
  std::chrono::steady_clock::duration patience = std::chrono::seconds{60};
};

/// The process of one connection: answers requests until the client hangs up, breaks the protocol,
/// or asks for a crash.
boost::asio::awaitable<void, coppice::executor> serve(socket_type socket, common& all);

}  // namespace keyvalue
