#include <coppice/toml_configuration.hpp>

#include <toml++/toml.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

namespace coppice {

namespace {

[[noreturn]] void refuse(std::string_view file, std::string_view what) {
  std::string text{"coppice: "};
  text += file;
  text += ": ";
  text += what;
  throw config_error{text};
}

[[noreturn]] void refuse(std::string_view file, const toml::source_region& where,
                         std::string_view what) {
  std::string text{"line "};
  text += std::to_string(where.begin.line);
  text += ", column ";
  text += std::to_string(where.begin.column);
  text += ": ";
  text += what;
  refuse(file, text);
}

config_value made_of(const toml::node& node, std::string_view file) {
  if (const auto* const b = node.as_boolean()) return b->get();
  if (const auto* const i = node.as_integer()) return i->get();
  if (const auto* const f = node.as_floating_point()) return f->get();
  if (const auto* const s = node.as_string()) return s->get();
  if (const auto* const a = node.as_array()) {
    config_value::list all;
    for (const toml::node& one : *a) all.push_back(made_of(one, file));
    return all;
  }
  if (const auto* const t = node.as_table()) {
    config_value::table all;
    for (const auto& [key, one] : *t) all.emplace(key.str(), made_of(one, file));
    return all;
  }
  refuse(file, node.source(), "a date or a time has to be written as a string");
}

}  // namespace

configuration parse_toml(std::string_view text, std::string_view name) {
  toml::table parsed;
  try {
    parsed = toml::parse(text);
  } catch (const toml::parse_error& e) {
    refuse(name, e.source(), e.description());
  }
  configuration made;
  for (const auto& [key, node] : parsed) {
    if (!node.is_table()) {
      std::string what{key.str()};
      what += " is no table: what is set belongs to an application";
      refuse(name, node.source(), what);
    }
    made.emplace(key.str(), made_of(node, name));
  }
  return made;
}

configuration read_toml(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  // A folder can be opened, and not be read.
  if (!in || !(text << in.rdbuf())) {
    const std::error_code why{errno, std::generic_category()};
    // Nothing can be read from an empty file either.
    if (!in || in.peek() != std::ifstream::traits_type::eof() ||
        std::filesystem::is_directory(file)) {
      refuse(file.string(), "it cannot be read: " + why.message());
    }
  }
  return parse_toml(std::move(text).str(), file.string());
}

}  // namespace coppice
