#pragma once

#include "connection_list.hpp"
#include "session.hpp"
#include "slow_command.hpp"

#include <coppice/executor.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace keyvalue {

/// The name of the server that is the slow log.
inline constexpr const char* slow_log_name = "keyvalue.slow_log";

/// Where the client is, as "127.0.0.1:4000"; empty if it is there no more.
std::string address_of(const socket_type& socket);

/// Tells the slow log of commands, and does not wait. If it is down they are lost.
void tell_slow_log(std::vector<slow_command> commands, const std::string& address);

/// Has the slow log answer what the session has to ask. A client is told if it does not, be it that
/// it is down, or has too much to do.
boost::asio::awaitable<void, coppice::executor> ask_slow_log(session& client);

}  // namespace keyvalue
