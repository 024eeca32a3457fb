#include "environment.hpp"

#include "config_text.hpp"

#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace coppice::detail {

namespace {

std::string joined(const std::string& path, std::string_view key) {
  std::string made = path;
  if (!made.empty()) made += '.';
  return made += key;
}

[[noreturn]] void refuse_setting(const std::string& application, std::string_view what) {
  std::string text{"coppice: the configuration of application "};
  text += application;
  text += ": ";
  text += what;
  throw config_error{text};
}

std::string keys_of(const config_value::table& t) {
  std::string all;
  for (const auto& [key, value] : t) {
    if (!all.empty()) all += ", ";
    all += key;
  }
  return all.empty() ? "none" : all;
}

std::string as_other_type(const std::string& path, const config_value& there,
                          const config_value& other) {
  std::string text = path;
  text += " is of type ";
  text += there.type_name();
  text += ", and not the ";
  text += other.type_name();
  text += ' ';
  text += other.to_string();
  return text;
}

// Puts what is set into a table. One whose default is empty takes any keys.
void overlay(const std::string& application, config_value::table& into,
             const config_value::table& set, const std::string& path) {
  for (const auto& [key, value] : set) {
    const std::string here = joined(path, key);
    const auto there = into.find(key);
    if (there == into.end()) {
      refuse_setting(application, here + " is not one of its keys (" + keys_of(into) + ')');
    }
    if (!there->second.accepts(value)) {
      refuse_setting(application, as_other_type(here, there->second, value));
    }
    auto* const inner = there->second.get_if<config_value::table>();
    if (inner != nullptr && !inner->empty()) {
      overlay(application, *inner, *value.get_if<config_value::table>(), here);
    } else {
      there->second = value;
    }
  }
}

// Calls `f` with each key, however deep, that is neither a table nor a list, and its value.
template <class Table, class F>
void for_each_leaf(Table& table, const std::string& path, const F& f) {
  for (auto& [key, value] : table) {
    const std::string here = joined(path, key);
    if (auto* const inner = value.template get_if<config_value::table>()) {
      for_each_leaf(*inner, here, f);
    } else if (value.type_name() != "array" && value.type_name() != "table") {
      f(here, value);
    }
  }
}

// Environment variables are in capitals of ASCII, whatever the locale.
std::string variable_for(const std::string& application, std::string_view path) {
  std::string name = joined(application, path);
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') {
      c = static_cast<char>(c - 'a' + 'A');
    } else if ((c < 'A' || c > 'Z') && (c < '0' || c > '9')) {
      c = '_';
    }
  }
  return name;
}

void take_variables(const std::string& application, config_value::table& values) {
  std::map<std::string, std::string> taken;
  for_each_leaf(values, "", [&](const std::string& path, config_value& value) {
    const std::string variable = variable_for(application, path);
    const char* const text = std::getenv(variable.c_str());
    if (text == nullptr) return;
    const auto [other, first] = taken.emplace(variable, path);
    if (!first) {
      refuse_setting(application, "the environment variable " + variable +
                                      " stands for two keys, " + other->second + " and " + path);
    }
    std::optional<config_value> made = parse_as(value, text);
    if (!made) {
      std::string what{"the environment variable "};
      what += variable;
      what += " is ";
      what += quoted(text);
      what += ", and no ";
      what += value.type_name();
      refuse_setting(application, what);
    }
    value = *std::move(made);
  });
}

}  // namespace

config_value::table environment_of(const std::string& application, config_value::table defaults,
                                   const config_value* set, bool environment_variables) {
  if (set != nullptr) {
    const auto* const table = set->get_if<config_value::table>();
    if (table == nullptr) refuse_setting(application, "it is no table, but a " + set->to_string());
    overlay(application, defaults, *table, "");
  }
  if (environment_variables) take_variables(application, defaults);
  return defaults;
}

void check_complete(const std::string& application, const config_value::table& values,
                    bool environment_variables) {
  std::string missing;
  const std::function<void(const config_value::table&, const std::string&)> look =
      [&](const config_value::table& table, const std::string& path) {
        for (const auto& [key, value] : table) {
          const std::string here = joined(path, key);
          if (const auto* const inner = value.get_if<config_value::table>()) look(*inner, here);
          if (!value.is_missing()) continue;
          if (!missing.empty()) missing += ", ";
          missing += here;
          const bool has_variable = value.type_name() != "array" && value.type_name() != "table";
          if (environment_variables && has_variable) {
            missing += " (or ";
            missing += variable_for(application, here);
            missing += ')';
          }
        }
      };
  look(values, "");
  if (!missing.empty()) refuse_setting(application, "what has to be set is not: " + missing);
}

}  // namespace coppice::detail
