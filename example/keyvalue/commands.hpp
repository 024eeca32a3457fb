#pragma once

#include "resp.hpp"
#include "store.hpp"

#include <span>
#include <string_view>

namespace keyvalue {

/// What is to become of the connection after a command.
enum class outcome : unsigned char {
  go_on,
  quit,         ///< The client is done.
  crash,        ///< The client wants its connection to crash.
  crash_store,  ///< The client wants the store to crash.
};

/// Executes one command and writes its reply; `CRASH` has none.
///
/// Whatever is wrong with a command becomes an error reply, and changes nothing.
///
/// @param data Null if there is no store at the moment; commands that need it say so.
/// @param request The name of the command, in upper or lower case, and its arguments. Not empty.
outcome execute(store* data, std::span<const std::string_view> request, reply_writer out);

}  // namespace keyvalue
