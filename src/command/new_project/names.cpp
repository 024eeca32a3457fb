#include "names.hpp"

#include "../embedded_files.hpp"
#include "reserved_words.hpp"

#include <algorithm>
#include <cstddef>

namespace coppice::command {

namespace {

// Not those of <cctype>, which depend on the locale.
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_identifier(std::string_view word) {
  return !word.empty() && !is_digit(word.front()) &&
         std::all_of(word.begin(), word.end(),
                     [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_'; });
}

bool is_snake_case(std::string_view word) {
  return is_identifier(word) && is_lower(word.front()) &&
         std::none_of(word.begin(), word.end(), is_upper);
}

bool is_taken(std::string_view word) {
  return is_keyword(word) || is_reserved_identifier(word) || is_library(word) || is_target(word) ||
         taken_by_header(word);
}

std::string for_instance(std::string_view wrong) {
  return "Another name will do, for instance " + suggested_name(wrong) + ".";
}

std::string too_long(std::string_view what) {
  return "The " + std::string{what} + " is longer than " + std::to_string(longest_name) +
         " characters.";
}

// What is wrong with one identifier of a namespace, whichever it is.
std::optional<refusal> check_identifier(std::string_view word, std::string_view what) {
  const std::string subject = in_quotes(word) + " cannot be " + std::string{what} + ": ";
  if (is_keyword(word)) return refusal{subject + "it is a word of C++.", for_instance(word)};
  if (is_reserved_identifier(word)) {
    return refusal{subject + "C++ reserves names with __ in them, or _ at the beginning.",
                   for_instance(word)};
  }
  if (is_library(word)) {
    return refusal{subject + "it is the namespace of a library that the project uses.",
                   for_instance(word)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<refusal> check_name(std::string_view name) {
  if (name.empty())
    return refusal{"The name of the project is empty.", "Type one: coppice new shop"};
  if (!is_snake_case(name)) {
    return refusal{in_quotes(name) +
                       " cannot be the name of a project: that is a lower-case letter (a-z), and "
                       "then lower-case letters, digits and _.",
                   for_instance(name)};
  }
  if (name.size() > longest_name) {
    return refusal{too_long("name of the project"), "Please choose a shorter one."};
  }
  if (auto why = check_identifier(name, "the name of a project")) return why;
  if (is_target(name)) {
    return refusal{in_quotes(name) +
                       " cannot be the name of a project: build systems, or the folders of the "
                       "project, have it already.",
                   for_instance(name)};
  }
  return std::nullopt;
}

std::optional<refusal> check_module(std::string_view module) {
  if (module.size() > longest_name) {
    return refusal{too_long("namespace"), "Please choose a shorter one."};
  }
  std::string suggestion;
  bool well_formed = true;
  for (std::string_view rest = module;;) {
    const std::size_t end = std::min(rest.find("::"), rest.size());
    const std::string_view word = rest.substr(0, end);
    well_formed = well_formed && is_identifier(word);
    // A name that is fine stays as it is in the advice; what else is there becomes snake_case.
    const bool fine = is_identifier(word) && !is_keyword(word) && !is_library(word);
    suggestion +=
        (suggestion.empty() ? "" : "::") + (fine ? std::string{word} : suggested_name(word));
    if (end == rest.size()) break;
    rest.remove_prefix(end + 2);
  }
  if (!well_formed) {
    return refusal{in_quotes(module) +
                       " cannot be a namespace: that is an identifier of C++, or "
                       "several joined by ::.",
                   "Another one will do, for instance --module " + suggestion + "."};
  }
  for (std::string_view rest = module;;) {
    const std::size_t end = std::min(rest.find("::"), rest.size());
    if (auto why = check_identifier(rest.substr(0, end), "a namespace")) return why;
    if (end == rest.size()) break;
    rest.remove_prefix(end + 2);
  }
  const std::string_view first = module.substr(0, module.find("::"));
  if (taken_by_header(first)) {
    return refusal{in_quotes(first) +
                       " cannot be a namespace: the C library, or another header that the project "
                       "uses, declares that name.",
                   "The project can keep its name and have another namespace, for instance "
                   "--module " +
                       suggested_name(first) + "."};
  }
  if (snake_case(module) == "main") {
    return refusal{in_quotes(module) + " cannot be a namespace here: src/main.cpp is the program.",
                   for_instance("main")};
  }
  return std::nullopt;
}

bool taken_by_header(std::string_view name) {
  if (name.empty()) return false;
  const std::string_view all = embedded_file("taken_names.txt");
  for (std::size_t at = all.find(name); at != all.npos; at = all.find(name, at + 1)) {
    const bool begins = at == 0 || all[at - 1] == '\n';
    const std::size_t end = at + name.size();
    if (begins && (end == all.size() || all[end] == '\n')) return true;
  }
  return false;
}

std::string suggested_name(std::string_view wrong) {
  std::string name;
  for (const char c : snake_case(wrong)) {
    const bool usable = is_lower(c) || is_digit(c);
    if (usable) {
      if (!name.empty() || is_lower(c)) name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  if (name.size() > longest_name - 4) name.resize(longest_name - 4);
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty()) return "my_app";
  return is_taken(name) ? name + "_app" : name;
}

std::string snake_case(std::string_view name) {
  std::string snake;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const char before = i == 0 ? '_' : name[i - 1];
    const char after = i + 1 < name.size() ? name[i + 1] : '_';
    const bool word_begins =
        is_lower(before) || is_digit(before) || (is_upper(before) && is_lower(after));
    if (is_upper(c) && word_begins) snake += '_';
    snake += lower(c);
  }
  return snake;
}

std::string camel_case(std::string_view name) {
  std::string camel;
  bool begins = true;
  for (const char c : name) {
    if (c == '_') {
      begins = true;
    } else {
      camel += begins ? upper(c) : c;
      begins = c == ':';
    }
  }
  return camel;
}

std::string in_quotes(std::string_view word) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += "\\x";
      text += digits[byte / 16];
      text += digits[byte % 16];
    } else {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text + '"';
}

}  // namespace coppice::command
