#pragma once

#include "common.hpp"
#include "connection_list.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>

namespace keyvalue {

/// The process of one connection: answers requests until the client hangs up, says nothing for too
/// long, breaks the protocol, or asks for a crash.
///
/// @param socket Its own.
/// @param all Outlives it.
boost::asio::awaitable<void, coppice::executor> serve(socket_type socket, common& all);

}  // namespace keyvalue
