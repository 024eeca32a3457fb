#include "commands.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

namespace sequence {

namespace {

enum class argument_type : unsigned char {
  none,
  value,          // a number, or a text in quotes
  name,           // with or without quotes
  optional_name,  // the same, or nothing
};

struct command_type {
  std::string_view name;
  verb what;
  argument_type takes;
  std::string_view argument;  // what it is called
  std::string_view does;
};

// In alphabetical order, upper case first.
constexpr command_type commands[] = {
    {"Sequence.Server.increment_number", verb::increment_number, argument_type::value, "VALUE",
     "adds VALUE; a text in quotes crashes it"},
    {"Sequence.Server.next_number", verb::next_number, argument_type::none, "", "the next number"},
    {"exit", verb::exit, argument_type::none, "", "stops everything, as Ctrl-D does"},
    {"help", verb::help, argument_type::none, "", "this list"},
    {"kill", verb::kill, argument_type::name, "NAME", "kills the process of that name"},
    {"observer", verb::observer, argument_type::none, "", "shows the tree; any key leaves it"},
    {"which_children", verb::which_children, argument_type::optional_name, "[SUPERVISOR]",
     "lists the children of a supervisor"},
};

std::string usage(const command_type& c) {
  std::string text{c.name};
  if (!c.argument.empty()) text.append(" ").append(c.argument);
  return text;
}

struct word {
  std::string text;
  bool quoted = false;
};

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

// Cuts a line into words. In quotes a backslash takes the next character as it is.
std::variant<std::vector<word>, mistake> split(std::string_view line) {
  std::vector<word> words;
  for (std::size_t at = 0;;) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at == line.size()) return words;
    word w;
    if (line[at] != '"') {
      while (at < line.size() && !is_blank(line[at])) w.text += line[at++];
    } else {
      w.quoted = true;
      for (++at; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\' && at + 1 < line.size()) ++at;
        w.text += line[at];
      }
      if (at == line.size()) return mistake{"a closing quote is missing"};
      if (++at < line.size() && !is_blank(line[at])) {
        return mistake{"a blank is missing behind \"" + w.text + '"'};
      }
    }
    words.push_back(std::move(w));
  }
}

std::variant<term, mistake> to_term(const word& w) {
  if (w.quoted) return term{w.text};
  long long number = 0;
  const char* const last = w.text.data() + w.text.size();
  const auto [end, ec] = std::from_chars(w.text.data(), last, number);
  if (end == last && ec == std::errc::result_out_of_range) {
    return mistake{w.text + " is too large a number"};
  }
  if (end != last || ec != std::errc{}) {
    return mistake{w.text + " is neither an integer nor a text in quotes"};
  }
  return term{number};
}

std::optional<mistake> wrong_count(const command_type& c, std::size_t given) {
  const std::size_t most = c.takes == argument_type::none ? 0 : 1;
  const std::size_t least = c.takes == argument_type::optional_name ? 0 : most;
  if (least <= given && given <= most) return std::nullopt;
  const std::string takes = most == 0       ? "no argument"
                            : least == most ? "one argument"
                                            : "at most one argument";
  return mistake{std::string{c.name} + " takes " + takes + ", not " + std::to_string(given) +
                 "; usage: " + usage(c)};
}

}  // namespace

parsed_line parse(std::string_view line) {
  auto cut = split(line);
  if (auto* const bad = std::get_if<mistake>(&cut)) return std::move(*bad);
  const auto& words = std::get<std::vector<word>>(cut);
  if (words.empty()) return std::monostate{};
  const auto* const c = std::find_if(std::begin(commands), std::end(commands),
                                     [&](const auto& x) { return x.name == words[0].text; });
  if (c == std::end(commands)) {
    return mistake{"unknown command " + words[0].text + "; help lists those there are"};
  }
  if (auto bad = wrong_count(*c, words.size() - 1)) return std::move(*bad);
  command result{.what = c->what};
  if (words.size() == 1) return result;
  if (c->takes != argument_type::value) {
    result.arguments.emplace_back(words[1].text);
    return result;
  }
  auto value = to_term(words[1]);
  if (auto* const bad = std::get_if<mistake>(&value)) return std::move(*bad);
  result.arguments.push_back(std::get<term>(std::move(value)));
  return result;
}

std::vector<std::string_view> completions(std::string_view beginning) {
  std::vector<std::string_view> found;
  for (const command_type& c : commands) {
    if (c.name.starts_with(beginning)) found.push_back(c.name);
  }
  return found;
}

std::string help_text() {
  std::size_t width = 0;
  for (const command_type& c : commands) width = std::max(width, usage(c).size());
  std::string text;
  for (const command_type& c : commands) {
    std::string left = usage(c);
    left.resize(width + 2, ' ');
    text.append(left).append(c.does).append("\n");
  }
  return text;
}

}  // namespace sequence
