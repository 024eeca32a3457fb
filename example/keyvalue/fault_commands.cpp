#include "fault_commands.hpp"

#include "subcommands.hpp"
#include "to_integer.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace keyvalue {

namespace {

using seconds = std::chrono::duration<double>;

constexpr seconds longest_sleep{60};

std::optional<seconds> to_seconds(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.data() + text.size() || !std::isfinite(number)) return {};
  return seconds{number};
}

}  // namespace

outcome crash(store*, client& from, arguments a, reply_writer out) {
  if (a.size() == 1) return outcome::crash;
  if (is(a[1], "RANDOM")) {
    const auto number = a.size() == 3 ? to_integer(a[2].text) : std::random_device{}();
    if (!number) {
      out.error(not_an_integer);
      return outcome::go_on;
    }
    from.drawn = static_cast<std::uint64_t>(*number);
    out.simple("OK");
    return outcome::crash_any;
  }
  if (a.size() == 2 && is(a[1], "STORE")) {
    out.simple("OK");
    return outcome::crash_store;
  }
  if (a.size() == 2 && is(a[1], "SLOWLOG")) {
    out.simple("OK");
    return outcome::crash_slow_log;
  }
  out.error(syntax_error);
  return outcome::go_on;
}

outcome debug(store*, client&, arguments a, reply_writer out) {
  if (!is(a[1], "SLEEP")) return unknown_subcommand(a, out);
  if (a.size() != 3) return wrong_number("debug|sleep", out);
  const auto time = to_seconds(std::string{a[2].text});
  if (!time || *time < seconds{0} || *time > longest_sleep) {
    out.error("ERR value is not a valid float or out of range");
  } else {
    std::this_thread::sleep_for(*time);
    out.simple("OK");
  }
  return outcome::go_on;
}

}  // namespace keyvalue
