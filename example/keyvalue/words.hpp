#pragma once

#include "resp.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace keyvalue {

// What commands are made of and say, whatever they do.

using arguments = std::span<const argument>;

inline constexpr std::string_view syntax_error = "ERR syntax error";
inline constexpr std::string_view not_an_integer = "ERR value is not an integer or out of range";

constexpr char to_upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether a word is that keyword, which is in upper case.
constexpr bool is(const argument& word, std::string_view keyword) noexcept {
  return word.text.size() == keyword.size() &&
         std::equal(word.text.begin(), word.text.end(), keyword.begin(),
                    [](char a, char b) { return to_upper(a) == b; });
}

/// What came from a client, cut short, and only as far as it is text.
std::string printable(std::string_view text);

}  // namespace keyvalue
