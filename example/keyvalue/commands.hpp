#pragma once

#include "reply.hpp"
#include "resp.hpp"
#include "store.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace keyvalue {

/// What is to become of the connection after a command.
enum class outcome : unsigned char {
  go_on,
  quit,         ///< The client is done.
  crash,        ///< The client wants its connection to crash.
  crash_store,  ///< The client wants the store to crash.
};

/// What a connection has been told about its client.
struct client {
  std::uint64_t id = 0;
  std::string name{};
  protocol version = protocol::resp2;
};

/// Executes one command and writes its reply; `CRASH` has none.
///
/// Whatever is wrong with a command becomes an error reply, and changes nothing.
///
/// @param data Null if there is no store at the moment; commands that need it say so.
/// @param request The name of the command, in upper or lower case, and its arguments. Not empty.
outcome execute(store* data, client& from, std::span<const argument> request, reply_writer out);

}  // namespace keyvalue
