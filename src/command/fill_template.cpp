#include "fill_template.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace coppice::command {

namespace {

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

// A line with its words. An @ that begins no word stays.
std::string fill_line(std::string_view line, const template_values& values) {
  std::string filled;
  while (!line.empty()) {
    const std::size_t at = std::min(line.find('@'), line.size());
    filled += line.substr(0, at);
    line.remove_prefix(at);
    if (line.empty()) break;
    const std::size_t end = line.find('@', 1);
    if (end == line.npos || !is_word(line.substr(1, end - 1))) {
      filled += '@';
      line.remove_prefix(1);
      continue;
    }
    const auto word = values.words.find(line.substr(1, end - 1));
    if (word == values.words.end()) {
      throw std::invalid_argument{"a template asks for " + std::string{line.substr(0, end + 1)}};
    }
    filled += word->second;
    line.remove_prefix(end + 1);
  }
  return filled;
}

}  // namespace

std::string fill_template(std::string_view text, const template_values& values) {
  static constexpr std::string_view begins = "@if ";
  std::string filled;
  std::vector<bool> holds;  // of the conditions around this line, the innermost one last
  const auto wanted = [&] {
    return std::all_of(holds.begin(), holds.end(), [](bool b) { return b; });
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    const std::string_view command = line.substr(0, line.find('\n'));
    text.remove_prefix(end);
    if (command.starts_with(begins)) {
      holds.push_back(values.conditions.contains(command.substr(begins.size())));
    } else if (command == "@else" || command == "@end") {
      if (holds.empty()) throw std::invalid_argument{std::string{command} + " without @if"};
      if (command == "@else") {
        holds.back() = !holds.back();
      } else {
        holds.pop_back();
      }
    } else if (wanted()) {
      filled += fill_line(line, values);
    }
  }
  if (!holds.empty()) throw std::invalid_argument{"@if without @end"};
  return filled;
}

}  // namespace coppice::command
