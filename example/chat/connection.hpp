#pragma once

#include "options.hpp"

#include <coppice/task.hpp>

#include <boost/asio/ip/tcp.hpp>

namespace chat {

/// What all connections have in common. Outlives them.
struct common {
  options given{};
  bool is_ready = false;  ///< What /ready tells.
};

/// The process of one connection: answers requests of HTTP, until the client hangs up, takes too
/// long, or asks for a WebSocket; from then on it is the supervisor of a user.
///
/// @param all Outlives it.
coppice::task<> serve(boost::asio::ip::tcp::socket socket, const common& all);

}  // namespace chat
