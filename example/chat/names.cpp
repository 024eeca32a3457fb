#include "names.hpp"

#include <algorithm>

namespace chat {

namespace {

constexpr std::size_t longest = 32;

bool is_small_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Every byte of a character beyond ASCII counts as a letter: the text is known to be UTF-8.
bool is_in_nick(char c) {
  const bool is_beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
  return is_small_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || is_beyond_ascii;
}

}  // namespace

bool is_room_name(std::string_view text) {
  return !text.empty() && text.size() <= longest &&
         std::ranges::all_of(text, [](char c) { return is_small_or_digit(c) || c == '-'; });
}

bool is_nick(std::string_view text) {
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, is_in_nick);
}

std::string room_supervisor_name(std::string_view room) {
  return std::string{rooms_name} + "." + std::string{room};
}

std::string room_process_name(std::string_view room) {
  return room_supervisor_name(room) + ".room";
}

}  // namespace chat
