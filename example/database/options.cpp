#include "options.hpp"

#include <charconv>
#include <cstddef>
#include <string_view>

namespace orders {

namespace {

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size();
}

bool read(std::string_view text, std::chrono::milliseconds& time) {
  std::uint32_t count = 0;
  if (!read(text, count) || count == 0) return false;
  time = std::chrono::milliseconds{count};
  return true;
}

}  // namespace

std::optional<options> read_options(std::span<char*> words) {
  options result;
  while (!words.empty() && words[0][0] == '-') {
    const std::string_view option = words[0];
    std::size_t used = 1;
    if (option == "--at-once") {
      result.at_once = true;
    } else if (option == "--port" && words.size() > 1 && read(words[1], result.port)) {
      used = 2;
    } else if (option == "--pauses" && words.size() > 2 && read(words[1], result.min) &&
               read(words[2], result.max) && result.min <= result.max) {
      used = 3;
    } else {
      return std::nullopt;
    }
    words = words.subspan(used);
  }
  if (words.size() != 1) return std::nullopt;
  result.where = words[0];
  return result;
}

}  // namespace orders
