#include "client_commands.hpp"

#include "subcommands.hpp"
#include "to_integer.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace keyvalue {

namespace {

// The version of Redis whose answers these are.
constexpr std::string_view version = "7.0.15";

constexpr std::string_view wrong_password =
    "WRONGPASS invalid username-password pair or user is disabled.";
constexpr std::string_view bad_name =
    "ERR Client names cannot contain spaces, newlines or special characters.";

// What has no blanks and is ASCII.
bool is_plain(const argument& word) {
  return !word.bytes && std::all_of(word.text.begin(), word.text.end(),
                                    [](char c) { return c > ' ' && c <= '~'; });
}

// There is one user, who needs no password.
bool is_user(const argument& word) { return word.text == "default"; }

void tell(std::string_view key, std::string_view value, reply_writer& out) {
  out.bulk(key);
  out.bulk(value);
}

}  // namespace

outcome hello(store*, client& from, arguments a, reply_writer out) {
  protocol wanted = from.version;
  if (a.size() > 1) {
    const auto number = to_integer(a[1].text);
    if (!number) {
      out.error("ERR Protocol version is not an integer or out of range");
      return outcome::go_on;
    }
    if (*number != 2 && *number != 3) {
      out.error("NOPROTO unsupported protocol version");
      return outcome::go_on;
    }
    wanted = *number == 2 ? protocol::resp2 : protocol::resp3;
  }
  std::optional<std::string_view> name;
  for (std::size_t i = 2; i < a.size(); ++i) {
    if (is(a[i], "AUTH") && i + 2 < a.size()) {
      if (!is_user(a[i + 1])) {
        out.error(wrong_password);
        return outcome::go_on;
      }
      i += 2;
    } else if (is(a[i], "SETNAME") && i + 1 < a.size()) {
      if (!is_plain(a[++i])) {
        out.error(bad_name);
        return outcome::go_on;
      }
      name = a[i].text;
    } else {
      out.error("ERR Syntax error in HELLO option '" + printable(a[i].text) + "'");
      return outcome::go_on;
    }
  }
  if (name) from.name = *name;
  from.version = wanted;
  out.map(7);
  tell("server", "redis", out);
  tell("version", version, out);
  out.bulk("proto");
  out.integer(wanted == protocol::resp2 ? 2 : 3);
  out.bulk("id");
  out.integer(static_cast<std::int64_t>(from.id));
  tell("mode", "standalone", out);
  tell("role", "master", out);
  out.bulk("modules");
  out.array(0);
  return outcome::go_on;
}

outcome auth(store*, client&, arguments a, reply_writer out) {
  if (a.size() > 3) {
    out.error(syntax_error);
  } else if (a.size() == 2) {
    out.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  } else if (!is_user(a[1])) {
    out.error(wrong_password);
  } else {
    out.simple("OK");
  }
  return outcome::go_on;
}

outcome client_command(store*, client& from, arguments a, reply_writer out) {
  if (is(a[1], "ID")) {
    if (a.size() != 2) return wrong_number("client|id", out);
    out.integer(static_cast<std::int64_t>(from.id));
  } else if (is(a[1], "GETNAME")) {
    if (a.size() != 2) return wrong_number("client|getname", out);
    if (from.name.empty()) {
      out.null();
    } else {
      out.bulk(from.name);
    }
  } else if (is(a[1], "SETNAME")) {
    if (a.size() != 3) return wrong_number("client|setname", out);
    if (is_plain(a[2])) {
      from.name = a[2].text;
      out.simple("OK");
    } else {
      out.error(bad_name);
    }
  } else if (is(a[1], "SETINFO")) {
    // Nobody asks for it here, so that it need not be kept.
    if (a.size() != 4) return wrong_number("client|setinfo", out);
    if (!is(a[2], "LIB-NAME") && !is(a[2], "LIB-VER")) {
      out.error("ERR Unrecognized option '" + printable(a[2].text) + "'");
    } else if (!is_plain(a[3])) {
      out.error("ERR lib-name and lib-ver cannot contain spaces, newlines or special characters.");
    } else {
      out.simple("OK");
    }
  } else if (is(a[1], "INFO")) {
    if (a.size() != 2) return wrong_number("client|info", out);
    out.verbatim("id=" + std::to_string(from.id) + " name=" + from.name +
                 " db=0 resp=" + (from.version == protocol::resp2 ? "2" : "3") + "\n");
  } else {
    return unknown_subcommand(a, out);
  }
  return outcome::go_on;
}

outcome select(store*, client&, arguments a, reply_writer out) {
  const auto index = to_integer(a[1].text);
  if (!index) {
    out.error(not_an_integer);
  } else if (*index != 0) {
    out.error("ERR DB index is out of range");
  } else {
    out.simple("OK");
  }
  return outcome::go_on;
}

outcome reset(store*, client& from, arguments, reply_writer out) {
  from.name.clear();
  from.version = protocol::resp2;
  out.simple("RESET");
  return outcome::go_on;
}

// What there is to know to those who wait until a server is ready, or choose by its version.
outcome info(store* data, client&, arguments a, reply_writer out) {
  const auto wants = [a](std::string_view section) {
    return a.size() == 1 || std::any_of(a.begin() + 1, a.end(), [section](const argument& word) {
             return is(word, section) || is(word, "ALL") || is(word, "DEFAULT") ||
                    is(word, "EVERYTHING");
           });
  };
  std::string text;
  const auto add = [&](std::string_view section, std::string_view lines) {
    if (!wants(section)) return;
    if (!text.empty()) text += "\r\n";
    text += lines;
  };
  add("SERVER",
      "# Server\r\nredis_version:" + std::string{version} + "\r\nredis_mode:standalone\r\n");
  add("PERSISTENCE", "# Persistence\r\nloading:0\r\n");
  add("REPLICATION", "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n");
  add("CLUSTER", "# Cluster\r\ncluster_enabled:0\r\n");
  std::string keys = "# Keyspace\r\n";
  if (data != nullptr && data->size() > 0) {
    keys += "db0:keys=" + std::to_string(data->size()) + ",expires=0,avg_ttl=0\r\n";
  }
  add("KEYSPACE", keys);
  out.verbatim(text);
  return outcome::go_on;
}

// Clients ask what commands there are, to help with typing. They do without.
outcome command(store*, client&, arguments a, reply_writer out) {
  if (a.size() == 1 || is(a[1], "LIST")) {
    out.array(0);
  } else if (is(a[1], "DOCS")) {
    out.map(0);
  } else if (is(a[1], "COUNT")) {
    out.integer(0);
  } else if (is(a[1], "INFO")) {
    out.array(a.size() - 2);
    for (std::size_t i = 2; i < a.size(); ++i) out.null();
  } else {
    return unknown_subcommand(a, out);
  }
  return outcome::go_on;
}

outcome config(store*, client&, arguments a, reply_writer out) {
  if (!is(a[1], "GET")) return unknown_subcommand(a, out);
  if (a.size() == 2) return wrong_number("config|get", out);
  const auto asks = [a](std::string_view parameter) {
    return std::any_of(a.begin() + 2, a.end(),
                       [parameter](const argument& word) { return is(word, parameter); });
  };
  const bool save = asks("SAVE");
  const bool append_only = asks("APPENDONLY");
  out.map(std::size_t{save} + std::size_t{append_only});
  if (save) tell("save", "", out);
  if (append_only) tell("appendonly", "no", out);
  return outcome::go_on;
}

}  // namespace keyvalue
