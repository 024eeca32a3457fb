#pragma once

#include "term.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sequence {

/// What can be asked for at the console.
enum class verb : unsigned char {
  next_number,
  increment_number,
  observer,
  which_children,
  kill,
  help,
  exit,
};

/// One line that has been understood.
struct command {
  verb what = verb::help;
  std::vector<term> arguments{};  ///< As many and of such types as the verb takes; names are texts.
};

/// One line that has not, and why.
struct mistake {
  std::string text;
};

/// Nothing, if the line is blank.
using parsed_line = std::variant<std::monostate, command, mistake>;

[[nodiscard]] parsed_line parse(std::string_view line);

/// The names of the commands that begin like that, in alphabetical order.
[[nodiscard]] std::vector<std::string_view> completions(std::string_view beginning);

/// All commands with what they take and do, one a line.
[[nodiscard]] std::string help_text();

}  // namespace sequence
