#include "options.hpp"

#include <boost/system/error_code.hpp>

#include <charconv>
#include <cstdint>
#include <string_view>

namespace chat {

namespace {

bool read(std::string_view text, std::uint16_t& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size();
}

// False if there is no such option, or the value does not fit it.
bool read(std::string_view option, std::string_view value, options& to) {
  if (option == "--address") {
    boost::system::error_code bad;
    to.endpoint.address(boost::asio::ip::make_address(value, bad));
    return !bad;
  }
  std::uint16_t number = 0;
  if (!read(value, number)) return false;
  if (option == "--port") {
    to.endpoint.port(number);
  } else if (option == "--history") {
    to.room.history = number;
  } else if (option == "--idle" && number > 0) {
    to.room.idle = std::chrono::seconds{number};
  } else if (option == "--patience" && number > 0) {
    to.patience = std::chrono::seconds{number};
  } else if (option == "--settle") {
    to.settle = std::chrono::seconds{number};
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<options> read_options(std::span<char*> words) {
  options result;
  while (!words.empty()) {
    const std::string_view option = words[0];
    if (option == "--faults") {
      result.faults = true;
      words = words.subspan(1);
    } else if (words.size() > 1 && read(option, words[1], result)) {
      words = words.subspan(2);
    } else {
      return std::nullopt;
    }
  }
  return result;
}

}  // namespace chat
