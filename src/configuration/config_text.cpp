#include "config_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <locale>
#include <sstream>

namespace coppice::detail {

namespace {

bool is_bare_key(std::string_view key) {
  return !key.empty() && key.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                             std::string_view::npos;
}

// Reads all of a text as a number. Not by from_chars, which libc++ has for whole numbers alone.
template <class Number>
std::optional<config_value> parse_number(std::string_view text) {
  if (text.empty() || text.find_first_of(" \t\n\v\f\r") != std::string_view::npos) {
    return std::nullopt;
  }
  std::istringstream in{std::string{text}};
  in.imbue(std::locale::classic());
  Number n{};
  if (!(in >> n) || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return config_value{n};
}

}  // namespace

// The shortest text that reads as that number, which a point or an exponent shows to be no whole
// one.
std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  std::array<char, 32> room{};
  const auto [end, error] = std::to_chars(room.data(), room.data() + room.size(), d);
  std::string text{room.data(), end};
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(std::string_view text) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  std::string made{'"'};
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      (made += '\\') += c;
    } else if (c == '\n') {
      made += "\\n";
    } else if (c == '\t') {
      made += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      made += "\\u00";
      (made += hex[code >> 4]) += hex[code & 15];
    } else {
      made += c;
    }
  }
  return made += '"';
}

std::string list_text(const config_value::list& l) {
  std::string text{'['};
  for (const config_value& v : l) {
    if (text.size() > 1) text += ", ";
    text += v.to_string();
  }
  return text += ']';
}

std::string table_text(const config_value::table& t) {
  std::string text{'{'};
  for (const auto& [key, v] : t) {
    text += text.size() > 1 ? ", " : " ";
    text += is_bare_key(key) ? key : quoted(key);
    text += " = ";
    text += v.to_string();
  }
  return text += t.empty() ? "}" : " }";
}

std::optional<config_value> parse_as(const config_value& like, std::string_view text) {
  const std::string_view type = like.type_name();
  if (type == "string") return config_value{text};
  if (type == "boolean") {
    if (text == "true") return config_value{true};
    if (text == "false") return config_value{false};
    return std::nullopt;
  }
  if (type == "integer") return parse_number<std::int64_t>(text);
  if (type == "float") return parse_number<double>(text);
  return std::nullopt;
}

}  // namespace coppice::detail
