#include "slow_log_commands.hpp"

#include "subcommands.hpp"
#include "to_integer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace keyvalue {

namespace {

using kind = slow_log_query::kind;

// How many are shown to those who do not say.
constexpr std::size_t usual_count = 10;

void write(const slow_command& c, reply_writer& out) {
  using std::chrono::seconds;
  out.array(6);
  out.integer(c.number);
  out.integer(std::chrono::duration_cast<seconds>(c.when.time_since_epoch()).count());
  out.integer(c.took.count());
  out.array(c.words.size());
  for (const std::string& word : c.words) out.bulk(word);
  out.bulk(c.address);
  out.bulk(c.name);
}

struct writer {
  reply_writer& out;

  void operator()(std::monostate) const { out.simple("OK"); }
  void operator()(std::size_t length) const { out.integer(static_cast<std::int64_t>(length)); }
  void operator()(const std::vector<slow_command>& commands) const {
    out.array(commands.size());
    for (const slow_command& c : commands) write(c, out);
  }
};

}  // namespace

outcome slowlog(store*, client& from, arguments a, reply_writer out) {
  if (is(a[1], "GET")) {
    if (a.size() > 3) return wrong_number("slowlog|get", out);
    std::size_t most = usual_count;
    if (a.size() == 3) {
      const auto number = to_integer(a[2].text);
      if (!number || *number < -1) {
        out.error("ERR count should be greater than or equal to -1");
        return outcome::go_on;
      }
      most = *number == -1 ? std::numeric_limits<std::size_t>::max()
                           : static_cast<std::size_t>(*number);
    }
    from.asks = {kind::get, most};
  } else if (is(a[1], "LEN")) {
    if (a.size() != 2) return wrong_number("slowlog|len", out);
    from.asks = {kind::length};
  } else if (is(a[1], "RESET")) {
    if (a.size() != 2) return wrong_number("slowlog|reset", out);
    from.asks = {kind::reset};
  } else {
    return unknown_subcommand(a, out);
  }
  return outcome::ask_slow_log;
}

void write(const slow_log_answer& answer, reply_writer out) { std::visit(writer{out}, answer); }

}  // namespace keyvalue
