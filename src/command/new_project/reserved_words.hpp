#pragma once

#include <string_view>

namespace coppice::command {

/// A word of the language, also of the standards after C++20, or an alternative spelling of an
/// operator.
[[nodiscard]] bool is_keyword(std::string_view word);

/// What C++ reserves for the implementation: two underscores, one at the beginning.
[[nodiscard]] bool is_reserved_identifier(std::string_view word);

/// Namespaces of the standard and of the libraries that a project includes. Within one of the same
/// name, their own would no longer be found.
[[nodiscard]] bool is_library(std::string_view word);

/// Targets that Meson, CMake or ninja have already, and folders of a project.
[[nodiscard]] bool is_target(std::string_view word);

}  // namespace coppice::command
