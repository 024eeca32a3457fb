#pragma once

#include <coppice/init_ack.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace orders {

/// The name of the dynamic supervisor that sessions are children of.
inline constexpr const char* sessions_name = "orders.sessions";

/// The process that listens, and has a session started for each client.
///
/// @param endpoint Where to listen. If its port is 0 it is set to the port that was chosen, so that
///   the next start of this process listens there again. Outlives the process.
boost::asio::awaitable<void> listen(coppice::init_ack up, boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace orders
