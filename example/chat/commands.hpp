#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace chat {

/// What a client asks for in one text frame.
namespace command {

/// Anything that does not begin with a slash; "//" stands for one slash.
struct say {
  std::string text;
};
/// "/nick NAME"
struct nick {
  std::string name;
};
/// "/who"
struct who {};
/// "/crash": the room throws. Only where faults are allowed.
struct crash {};
/// None of these; it says why.
struct unknown {
  std::string why;
};

}  // namespace command

using any_command =
    std::variant<command::say, command::nick, command::who, command::crash, command::unknown>;

/// @param faults Whether there is a "/crash".
[[nodiscard]] any_command read_command(std::string_view frame, bool faults);

}  // namespace chat
