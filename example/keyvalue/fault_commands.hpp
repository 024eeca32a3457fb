#pragma once

#include "commands.hpp"
#include "words.hpp"

namespace keyvalue {

// Commands that make something go wrong, to see what comes of it.

/// `CRASH [STORE | SLOWLOG | RANDOM [number]]`: the connection crashes unless something else is
/// said. RANDOM: some process is killed; the number, if there is one, chooses which.
outcome crash(store*, client&, arguments, reply_writer);

/// `DEBUG SLEEP seconds` holds up everybody, as it does with Redis.
outcome debug(store*, client&, arguments, reply_writer);

}  // namespace keyvalue
