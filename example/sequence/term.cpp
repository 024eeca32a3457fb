#include "term.hpp"

namespace sequence {

std::string to_text(const term& value) {
  if (const long long* const number = std::get_if<long long>(&value))
    return std::to_string(*number);
  std::string text = "\"";
  for (const char c : std::get<std::string>(value)) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

}  // namespace sequence
