#pragma once

#include "connection.hpp"

#include <coppice/executor.hpp>
#include <coppice/init_ack.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace keyvalue {

/// The name of the dynamic supervisor that connections are children of.
inline constexpr const char* connections_name = "keyvalue.connections";

/// The acceptor process: listens, and has a connection process started for each client.
///
/// Is up once it listens. While there are no file descriptors left, clients wait for one; that is
/// no failure.
///
/// @param endpoint Where to listen. If its port is 0 it is set to the port that was chosen, so that
///   the next start of this process listens there again. Outlives the process.
boost::asio::awaitable<void, coppice::executor> accept_clients(
    coppice::init_ack up, boost::asio::ip::tcp::endpoint& endpoint, common& all);

}  // namespace keyvalue
