#pragma once

#include "connection_list.hpp"
#include "session.hpp"
#include "slow_command.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace keyvalue {

/// Tells the slow log of commands that came from that socket, and does not wait. If it is down they
/// are lost.
void tell_slow_log(std::vector<slow_command> commands, const socket_type& from);

/// Has the slow log answer what the session has to ask. A client is told if it does not, be it that
/// it is down, or has too much to do.
boost::asio::awaitable<void, coppice::executor> ask_slow_log(session& client);

}  // namespace keyvalue
