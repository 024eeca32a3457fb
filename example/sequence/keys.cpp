#include "keys.hpp"

#include <algorithm>

namespace sequence {

namespace {

constexpr char escape = '\033';

std::size_t utf8_length(unsigned char first) noexcept {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

}  // namespace

std::size_t first_key(std::string_view typed) noexcept {
  if (typed.empty()) return 0;
  constexpr char control_x = 'X' - '@';
  if (typed[0] == control_x) return typed.size() < 2 ? 0 : 2;
  if (typed[0] != escape) {
    const std::size_t length = utf8_length(static_cast<unsigned char>(typed[0]));
    return length <= typed.size() ? length : 0;
  }
  if (typed.size() < 2) return 0;
  if (typed[1] == escape) {  // the escape key, and then another one
    const std::size_t rest = first_key(typed.substr(1));
    return rest == 0 ? 0 : 1 + rest;
  }
  if (typed[1] == 'O') return typed.size() < 3 ? 0 : 3;
  if (typed[1] != '[') return 2;
  const auto* const end =
      std::find_if(typed.begin() + 2, typed.end(), [](char c) { return '@' <= c && c <= '~'; });
  return end == typed.end() ? 0 : static_cast<std::size_t>(end - typed.begin()) + 1;
}

}  // namespace sequence
