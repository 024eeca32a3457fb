#pragma once

#include "commands.hpp"
#include "words.hpp"

namespace keyvalue {

// Commands that client libraries send on their own account: to agree on the protocol, to say who
// they are, and to ask what server this is. Those that they can do without are refused as an older
// server of Redis refuses them.

outcome auth(store*, client&, arguments, reply_writer);
outcome client_command(store*, client&, arguments, reply_writer);
outcome command(store*, client&, arguments, reply_writer);
outcome config(store*, client&, arguments, reply_writer);
outcome hello(store*, client&, arguments, reply_writer);
outcome info(store*, client&, arguments, reply_writer);
outcome reset(store*, client&, arguments, reply_writer);
outcome select(store*, client&, arguments, reply_writer);

}  // namespace keyvalue
