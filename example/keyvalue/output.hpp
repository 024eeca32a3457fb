#pragma once

#include "connection_list.hpp"
#include "session.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace keyvalue {

/// Waits until the client takes more of what is written to it. Meanwhile what it sends is read, as
/// far as the session has room for it.
///
/// @return False if the client is gone, or has taken nothing for too long.
boost::asio::awaitable<bool, coppice::executor> until_writable(
    socket_type& socket, session& client, std::chrono::steady_clock::duration patience);

}  // namespace keyvalue
