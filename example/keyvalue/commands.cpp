#include "commands.hpp"

#include "client_commands.hpp"
#include "fault_commands.hpp"
#include "slow_log_commands.hpp"
#include "to_integer.hpp"
#include "words.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace keyvalue {

namespace {

// The options of SET.
struct set_options {
  bool only_if_absent = false;
  bool only_if_present = false;
  std::optional<store::clock::duration> lifetime{};
};

// Takes the options apart. Gives the text of an error, or none.
std::string_view read_options(arguments words, set_options& options) {
  using milliseconds = std::chrono::milliseconds;
  // As with Redis, the end must be in range as a time since 1970; this is 2100, or thereabouts.
  constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max() - 4'102'444'800'000;
  // A hundred years, which is as good as for ever; what is longer would not fit a time point.
  constexpr std::int64_t for_ever = std::int64_t{100} * 366 * 24 * 3600 * 1000;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool seconds = is(words[i], "EX");
    if (is(words[i], "NX") && !options.only_if_present) {
      options.only_if_absent = true;
    } else if (is(words[i], "XX") && !options.only_if_absent) {
      options.only_if_present = true;
    } else if ((seconds || is(words[i], "PX")) && !options.lifetime && i + 1 < words.size()) {
      const auto number = to_integer(words[++i].text);
      if (!number) return not_an_integer;
      const std::int64_t unit = seconds ? 1000 : 1;
      if (*number <= 0 || *number > longest / unit)
        return "ERR invalid expire time in 'set' command";
      options.lifetime = milliseconds{std::min(*number * unit, for_ever)};
    } else {
      return syntax_error;
    }
  }
  return {};
}

// The most text that one reply copies, in bytes.
constexpr std::size_t most_text = std::size_t{32} << 20;

void send(std::string_view text, const std::shared_ptr<blob>& bytes, reply_writer out) {
  if (bytes) {
    out.bulk(bytes);
  } else {
    out.bulk(text);
  }
}

void send_found(const value* found, reply_writer out) {
  if (found != nullptr) {
    send(found->text, found->bytes, out);
  } else {
    out.null();
  }
}

outcome ping(store*, client&, arguments a, reply_writer out) {
  if (a.size() > 1) {
    send(a[1].text, a[1].bytes, out);
  } else {
    out.simple("PONG");
  }
  return outcome::go_on;
}

outcome echo(store*, client&, arguments a, reply_writer out) {
  send(a[1].text, a[1].bytes, out);
  return outcome::go_on;
}

outcome get(store* data, client&, arguments a, reply_writer out) {
  send_found(data->find(a[1].text), out);
  return outcome::go_on;
}

outcome set(store* data, client&, arguments a, reply_writer out) {
  set_options options;
  if (const auto problem = read_options(a.subspan(3), options); !problem.empty()) {
    out.error(problem);
  } else if ((options.only_if_absent && data->find(a[1].text) != nullptr) ||
             (options.only_if_present && data->find(a[1].text) == nullptr)) {
    out.null();
  } else {
    if (a[2].bytes) {
      data->set(a[1].text, a[2].bytes, options.lifetime);
    } else {
      data->set(a[1].text, a[2].text, options.lifetime);
    }
    out.simple("OK");
  }
  return outcome::go_on;
}

outcome del(store* data, client&, arguments a, reply_writer out) {
  out.integer(std::count_if(a.begin() + 1, a.end(),
                            [data](const argument& key) { return data->erase(key.text); }));
  return outcome::go_on;
}

outcome exists(store* data, client&, arguments a, reply_writer out) {
  out.integer(std::count_if(a.begin() + 1, a.end(), [data](const argument& key) {
    return data->find(key.text) != nullptr;
  }));
  return outcome::go_on;
}

outcome incr(store* data, client&, arguments a, reply_writer out) {
  std::int64_t sum = 0;
  switch (data->add(a[1].text, 1, sum)) {
    case store::add_result::ok: out.integer(sum); break;
    case store::add_result::not_an_integer: out.error(not_an_integer); break;
    case store::add_result::overflow: out.error("ERR increment or decrement would overflow"); break;
  }
  return outcome::go_on;
}

outcome append(store* data, client&, arguments a, reply_writer out) {
  const auto size = a[2].bytes ? data->append(a[1].text, std::move(*a[2].bytes))
                               : data->append(a[1].text, a[2].text);
  if (size) {
    out.integer(static_cast<std::int64_t>(*size));
  } else {
    out.error("ERR string exceeds maximum allowed size (512MB)");
  }
  return outcome::go_on;
}

outcome mget(store* data, client&, arguments a, reply_writer out) {
  // One short request could ask for the same value a million times.
  std::size_t texts = 0;
  std::size_t all = 0;
  for (const argument& key : a.subspan(1)) {
    if (const value* v = data->find(key.text); v != nullptr) {
      texts += v->text.size();
      all += v->size();
    }
  }
  if (texts > most_text || all > store::max_value_size) {
    out.error("ERR the values exceed the maximum size of a reply (512MB, 32MB of short ones)");
    return outcome::go_on;
  }
  if (texts > reply_buffer::usual_text) out.buffer().text().reserve(texts + 16 * a.size());
  out.array(a.size() - 1);
  for (const argument& key : a.subspan(1)) send_found(data->find(key.text), out);
  return outcome::go_on;
}

outcome dbsize(store* data, client&, arguments, reply_writer out) {
  out.integer(static_cast<std::int64_t>(data->size()));
  return outcome::go_on;
}

outcome flushall(store* data, client&, arguments a, reply_writer out) {
  if (a.size() == 2 && !is(a[1], "ASYNC") && !is(a[1], "SYNC")) {
    out.error(syntax_error);
  } else {
    data->clear();
    out.simple("OK");
  }
  return outcome::go_on;
}

outcome quit(store*, client&, arguments, reply_writer out) {
  out.simple("OK");
  return outcome::quit;
}

// Whether a command is of interest to the slow log.
enum class timing : unsigned char {
  short_time,  // it is over in microseconds
  any_time,    // it grows with the number of words, or of values
  untold,      // there may be a password in it
};

struct command_entry {
  std::string_view name;
  std::size_t least;  // words, the name included
  std::size_t most;
  bool needs_store;
  outcome (*run)(store*, client&, arguments, reply_writer);
  std::size_t may_be_long = 0;  // the one word, if any
  timing takes = timing::short_time;
};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

// Searched from the top: what is frequent comes first.
constexpr auto commands = std::to_array<command_entry>({
    {"GET", 2, 2, true, get},
    {"SET", 3, any_number, true, set, 2},
    {"INCR", 2, 2, true, incr},
    {"MGET", 2, any_number, true, mget, 0, timing::any_time},
    {"DEL", 2, any_number, true, del, 0, timing::any_time},
    {"EXISTS", 2, any_number, true, exists, 0, timing::any_time},
    {"APPEND", 3, 3, true, append, 2},
    {"PING", 1, 2, false, ping, 1},
    {"ECHO", 2, 2, false, echo, 1},
    {"DBSIZE", 1, 1, true, dbsize},
    {"FLUSHALL", 1, 2, true, flushall, 0, timing::any_time},
    {"HELLO", 1, any_number, false, hello, 0, timing::untold},
    {"AUTH", 2, any_number, false, auth, 0, timing::untold},
    {"CLIENT", 2, any_number, false, client_command},
    {"SELECT", 2, 2, false, select},
    {"INFO", 1, any_number, false, info},
    {"COMMAND", 1, any_number, false, command},
    {"CONFIG", 2, any_number, false, config},
    {"RESET", 1, 1, false, reset},
    {"SLOWLOG", 2, any_number, false, slowlog},
    {"DEBUG", 2, any_number, false, debug, 0, timing::any_time},
    {"QUIT", 1, any_number, false, quit},
    {"CRASH", 1, 3, false, crash},
});

}  // namespace

std::string printable(std::string_view text) {
  std::string result{text.substr(0, 64)};
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return result;
}

outcome execute(store* data, client& from, std::span<const argument> request, reply_writer out) {
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const command_entry& c) {
    return is(request.front(), c.name);
  });
  if (found == commands.end()) {
    out.error("ERR unknown command '" + printable(request.front().text) + "'");
    return outcome::go_on;
  }
  if (request.size() < found->least || request.size() > found->most) {
    std::string name{found->name};
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    out.error("ERR wrong number of arguments for '" + name + "' command");
    return outcome::go_on;
  }
  for (std::size_t i = 0; i < request.size(); ++i) {
    if (!request[i].bytes || i == found->may_be_long) continue;
    out.error("ERR a key or an option is longer than 65536 bytes");
    return outcome::go_on;
  }
  if (found->needs_store && data == nullptr) {
    out.error("ERR store is down");
    return outcome::go_on;
  }
  if (found->takes == timing::untold || !from.slow.is_timed(found->takes == timing::any_time)) {
    return found->run(data, from, request, out);
  }
  const auto begin = slow_commands::clock::now();
  const outcome what = found->run(data, from, request, out);
  // What is asked elsewhere is not done yet.
  if (what != outcome::ask_slow_log) {
    from.slow.done(request, slow_commands::clock::now() - begin, from.name);
  }
  return what;
}

}  // namespace keyvalue
