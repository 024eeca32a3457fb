#include "options.hpp"

#include "kept_store.hpp"

#include <boost/system/error_code.hpp>

#include <charconv>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace keyvalue {

namespace {

// A day, in seconds: what is longer was meant in another way.
constexpr std::int64_t day = 24 * 3600;

std::int64_t number(std::string_view what, std::string_view text, std::int64_t least,
                    std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec == std::errc{} && end == text.data() + text.size() && value >= least && value <= most) {
    return value;
  }
  throw std::invalid_argument{std::string{what} + " is a number from " + std::to_string(least) +
                              " to " + std::to_string(most) + ", and not '" + std::string{text} +
                              "'"};
}

boost::asio::ip::address address(std::string_view text) {
  boost::system::error_code bad;
  const auto result = boost::asio::ip::make_address(text, bad);
  if (!bad) return result;
  throw std::invalid_argument{"an address is one of numbers, as 127.0.0.1 or ::1, and not '" +
                              std::string{text} + "'"};
}

std::filesystem::path file(std::string_view what, std::string_view name) {
  if (!can_keep_store()) {
    throw std::invalid_argument{std::string{what} +
                                " needs SQLite, and this program was built without it"};
  }
  if (name.empty()) throw std::invalid_argument{std::string{what} + " needs the name of a file"};
  return name;
}

// False if there is no such option.
bool read(std::string_view option, std::string_view value, options& to) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  if (option == "--dbfilename") {
    to.file = file(option, value);
  } else if (option == "--maxclients") {
    to.most_clients = static_cast<std::size_t>(number(option, value, 1, 1'000'000));
  } else if (option == "--timeout") {
    const seconds time{number(option, value, 0, day)};
    to.timeout = time == seconds{0} ? coppice::infinity : coppice::time_limit{time};
  } else if (option == "--drain") {
    to.drain = seconds{number(option, value, 0, day)};
  } else if (option == "--slowlog-log-slower-than") {
    const microseconds time{number(option, value, -1, day * 1'000'000)};
    to.slow.reset();
    if (time >= microseconds{0}) to.slow = time;
  } else {
    return false;
  }
  return true;
}

}  // namespace

options read_options(std::span<char*> words) {
  options result;
  while (!words.empty() && std::string_view{words[0]}.starts_with("--")) {
    const std::string option = words[0];
    if (words.size() == 1) throw std::invalid_argument{option + " needs a value"};
    if (!read(option, words[1], result)) throw std::invalid_argument{"no such option: " + option};
    words = words.subspan(2);
  }
  if (words.size() > 3) throw std::invalid_argument{"too much: '" + std::string{words[3]} + "'"};
  if (!words.empty()) {
    constexpr std::int64_t most = std::numeric_limits<std::uint16_t>::max();
    result.endpoint.port(static_cast<std::uint16_t>(number("the port", words[0], 0, most)));
  }
  if (words.size() > 1) result.endpoint.address(address(words[1]));
  if (words.size() > 2) {
    result.patience = std::chrono::seconds{number("the patience", words[2], 1, day)};
  }
  return result;
}

}  // namespace keyvalue
