#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace coppice::command {

/// What a template is filled with.
struct template_values {
  /// What stands for `@name@`, by name.
  std::map<std::string, std::string, std::less<>> words;
  /// The conditions that hold.
  std::set<std::string, std::less<>> conditions;
};

/// The text of a template, with `@name@` replaced by the word of that name, and with those lines
/// that are wanted: from `@if CONDITION` to `@end`, each a line of its own, if the condition holds,
/// and from `@else` to `@end` if not. They can be nested.
///
/// @throws std::invalid_argument if a word is missing, or an `@if` has no end.
[[nodiscard]] std::string fill_template(std::string_view text, const template_values& values);

}  // namespace coppice::command
