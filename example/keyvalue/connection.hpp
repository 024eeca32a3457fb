#pragma once

#include "store_process.hpp"
#include "unique_fd.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace keyvalue {

/// The process of one connection: answers requests until the client hangs up, breaks the protocol,
/// or asks for a crash.
///
/// @param fd A connected TCP socket.
/// @param protocol Of that socket.
/// @param link Outlives the process.
boost::asio::awaitable<void, coppice::executor> serve(unique_fd fd, boost::asio::ip::tcp protocol,
                                                      const store_link& link);

}  // namespace keyvalue
