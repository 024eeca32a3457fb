#include "commands.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace keyvalue {

namespace {

using arguments = std::span<const std::string_view>;

constexpr std::string_view syntax_error = "ERR syntax error";
constexpr std::string_view not_an_integer = "ERR value is not an integer or out of range";

char to_upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Whether a word is that keyword, which is in upper case.
bool is(std::string_view word, std::string_view keyword) noexcept {
  return word.size() == keyword.size() &&
         std::equal(word.begin(), word.end(), keyword.begin(),
                    [](char a, char b) { return to_upper(a) == b; });
}

// The options of SET.
struct set_options {
  bool only_if_absent = false;
  bool only_if_present = false;
  std::optional<store::clock::duration> lifetime{};
};

// Takes the options apart. Gives the text of an error, or none.
std::string_view read_options(arguments words, set_options& options) {
  using milliseconds = std::chrono::milliseconds;
  // A hundred years; what is longer would not fit a time point.
  constexpr std::int64_t longest = std::int64_t{100} * 366 * 24 * 3600 * 1000;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool seconds = is(words[i], "EX");
    if (is(words[i], "NX") && !options.only_if_present) {
      options.only_if_absent = true;
    } else if (is(words[i], "XX") && !options.only_if_absent) {
      options.only_if_present = true;
    } else if ((seconds || is(words[i], "PX")) && !options.lifetime && i + 1 < words.size()) {
      const auto number = to_integer(words[++i]);
      if (!number) return not_an_integer;
      const std::int64_t unit = seconds ? 1000 : 1;
      if (*number <= 0 || *number > longest / unit)
        return "ERR invalid expire time in 'set' command";
      options.lifetime = milliseconds{*number * unit};
    } else {
      return syntax_error;
    }
  }
  return {};
}

outcome ping(store*, arguments a, reply_writer out) {
  if (a.size() > 1) {
    out.bulk(a[1]);
  } else {
    out.simple("PONG");
  }
  return outcome::go_on;
}

outcome echo(store*, arguments a, reply_writer out) {
  out.bulk(a[1]);
  return outcome::go_on;
}

outcome get(store* data, arguments a, reply_writer out) {
  if (const std::string* value = data->find(a[1]); value != nullptr) {
    out.bulk(*value);
  } else {
    out.null();
  }
  return outcome::go_on;
}

outcome set(store* data, arguments a, reply_writer out) {
  set_options options;
  if (const auto problem = read_options(a.subspan(3), options); !problem.empty()) {
    out.error(problem);
  } else if ((options.only_if_absent && data->find(a[1]) != nullptr) ||
             (options.only_if_present && data->find(a[1]) == nullptr)) {
    out.null();
  } else {
    data->set(a[1], a[2], options.lifetime);
    out.simple("OK");
  }
  return outcome::go_on;
}

outcome del(store* data, arguments a, reply_writer out) {
  out.integer(std::count_if(a.begin() + 1, a.end(),
                            [data](std::string_view key) { return data->erase(key); }));
  return outcome::go_on;
}

outcome exists(store* data, arguments a, reply_writer out) {
  out.integer(std::count_if(a.begin() + 1, a.end(),
                            [data](std::string_view key) { return data->find(key) != nullptr; }));
  return outcome::go_on;
}

outcome incr(store* data, arguments a, reply_writer out) {
  std::int64_t sum = 0;
  switch (data->add(a[1], 1, sum)) {
    case store::add_result::ok: out.integer(sum); break;
    case store::add_result::not_an_integer: out.error(not_an_integer); break;
    case store::add_result::overflow: out.error("ERR increment or decrement would overflow"); break;
  }
  return outcome::go_on;
}

outcome append(store* data, arguments a, reply_writer out) {
  if (const auto size = data->append(a[1], a[2])) {
    out.integer(static_cast<std::int64_t>(*size));
  } else {
    out.error("ERR string exceeds maximum allowed size (512MB)");
  }
  return outcome::go_on;
}

outcome mget(store* data, arguments a, reply_writer out) {
  // One short request could ask for the same long value a million times.
  std::size_t size = 0;
  for (const std::string_view key : a.subspan(1)) {
    if (const std::string* value = data->find(key); value != nullptr) size += value->size();
  }
  if (size > store::max_value_size) {
    out.error("ERR the values exceed the maximum size of a reply (512MB)");
    return outcome::go_on;
  }
  out.array(a.size() - 1);
  for (const std::string_view key : a.subspan(1)) get(data, std::array{a[0], key}, out);
  return outcome::go_on;
}

outcome dbsize(store* data, arguments, reply_writer out) {
  out.integer(static_cast<std::int64_t>(data->size()));
  return outcome::go_on;
}

outcome flushall(store* data, arguments, reply_writer out) {
  data->clear();
  out.simple("OK");
  return outcome::go_on;
}

// Clients ask what commands there are, to help with typing. They do without.
outcome command(store*, arguments, reply_writer out) {
  out.array(0);
  return outcome::go_on;
}

outcome config(store*, arguments a, reply_writer out) {
  if (a.size() != 3 || !is(a[1], "GET")) {
    out.error("ERR only CONFIG GET with one parameter is known");
    return outcome::go_on;
  }
  const bool save = is(a[2], "SAVE");
  if (save || is(a[2], "APPENDONLY")) {
    out.array(2);
    out.bulk(save ? "save" : "appendonly");
    out.bulk(save ? "" : "no");
  } else {
    out.array(0);
  }
  return outcome::go_on;
}

outcome quit(store*, arguments, reply_writer out) {
  out.simple("OK");
  return outcome::quit;
}

outcome crash(store*, arguments a, reply_writer out) {
  if (a.size() == 1) return outcome::crash;
  if (is(a[1], "STORE")) {
    out.simple("OK");
    return outcome::crash_store;
  }
  out.error(syntax_error);
  return outcome::go_on;
}

struct command_entry {
  std::string_view name;
  std::size_t least;  // words, the name included
  std::size_t most;
  bool needs_store;
  outcome (*run)(store*, arguments, reply_writer);
};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

// Searched from the top: what is frequent comes first.
constexpr auto commands = std::to_array<command_entry>({
    {"GET", 2, 2, true, get},
    {"SET", 3, any_number, true, set},
    {"INCR", 2, 2, true, incr},
    {"MGET", 2, any_number, true, mget},
    {"DEL", 2, any_number, true, del},
    {"EXISTS", 2, any_number, true, exists},
    {"APPEND", 3, 3, true, append},
    {"PING", 1, 2, false, ping},
    {"ECHO", 2, 2, false, echo},
    {"DBSIZE", 1, 1, true, dbsize},
    {"FLUSHALL", 1, 2, true, flushall},
    {"COMMAND", 1, any_number, false, command},
    {"CONFIG", 2, any_number, false, config},
    {"QUIT", 1, any_number, false, quit},
    {"CRASH", 1, 2, false, crash},
});

// What came from the client is cut short, and shown only as far as it is text.
std::string printable(std::string_view text) {
  std::string result{text.substr(0, 64)};
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

}  // namespace

outcome execute(store* data, std::span<const std::string_view> request, reply_writer out) {
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const command_entry& c) {
    return is(request.front(), c.name);
  });
  if (found == commands.end()) {
    out.error("ERR unknown command '" + printable(request.front()) + "'");
    return outcome::go_on;
  }
  if (request.size() < found->least || request.size() > found->most) {
    std::string name{found->name};
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    out.error("ERR wrong number of arguments for '" + name + "' command");
    return outcome::go_on;
  }
  if (found->needs_store && data == nullptr) {
    out.error("ERR store is down");
    return outcome::go_on;
  }
  return found->run(data, request, out);
}

}  // namespace keyvalue
