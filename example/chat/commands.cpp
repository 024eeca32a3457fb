#include "commands.hpp"

#include "names.hpp"

namespace chat {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

any_command read_command(std::string_view frame, bool faults) {
  const std::string_view text = trimmed(frame);
  if (text.empty()) return command::unknown{"there is nothing in that"};
  if (!text.starts_with('/')) return command::say{std::string{text}};
  if (text.starts_with("//")) return command::say{std::string{text.substr(1)}};

  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  const std::string_view rest = trimmed(text.substr(word.size()));
  if (word == "/nick") {
    if (is_nick(rest)) return command::nick{std::string{rest}};
    return command::unknown{"a name is 1 to 32 letters, digits, '-' or '_'"};
  }
  if (word == "/who" && rest.empty()) return command::who{};
  if (word == "/crash" && rest.empty() && faults) return command::crash{};
  return command::unknown{"there is no command " + std::string{word}};
}

}  // namespace chat
