#pragma once

#include "commands.hpp"
#include "words.hpp"

#include <string_view>

namespace keyvalue {

// The errors of commands whose second word says what they are to do.

outcome unknown_subcommand(arguments, reply_writer);

/// @param command As in "client|id".
outcome wrong_number(std::string_view command, reply_writer);

}  // namespace keyvalue
