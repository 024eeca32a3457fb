#pragma once

#include <string>
#include <variant>

namespace sequence {

/// A value as it is typed at the console: a number, or a text in quotes.
using term = std::variant<long long, std::string>;

/// As it would be typed.
[[nodiscard]] std::string to_text(const term& value);

}  // namespace sequence
