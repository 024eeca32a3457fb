#pragma once

#include "reply.hpp"
#include "resp.hpp"
#include "slow_command.hpp"
#include "slow_log.hpp"
#include "store.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace keyvalue {

/// What is to become of the connection after a command.
enum class outcome : unsigned char {
  go_on,
  quit,            ///< The client is done.
  crash,           ///< The client wants its connection to crash.
  crash_store,     ///< The client wants the store to crash.
  crash_slow_log,  ///< The client wants the slow log to crash.
  crash_any,       ///< The client wants some process to be killed: see `client::drawn`.
  ask_slow_log,    ///< The reply is to be had from the slow log: see `client::asks`.
};

/// What a connection knows about its client.
struct client {
  std::uint64_t id = 0;
  std::string name{};
  protocol version = protocol::resp2;
  slow_commands slow{};
  slow_log_query asks{};
  std::uint64_t drawn = 0;  ///< Chooses the process that is killed.
};

/// Executes one command and writes its reply; `CRASH` has none, and that of `ask_slow_log` comes
/// later.
///
/// Whatever is wrong with a command becomes an error reply, and changes nothing.
///
/// @param data Null if there is no store at the moment; commands that need it say so.
/// @param request The name of the command, in upper or lower case, and its arguments. Not empty.
outcome execute(store* data, client& from, std::span<const argument> request, reply_writer out);

}  // namespace keyvalue
