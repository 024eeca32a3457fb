#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace coppice::command {

/// Why something is not done, and what to type instead; each one or two sentences.
struct refusal {
  std::string what;
  std::string advice;
};

/// Longer names are refused: lines with a name of this length stay within 100 columns.
inline constexpr std::size_t longest_name = 32;

/// Whether a project can have this name: lower-case letters, digits and `_`, a letter first. It
/// names the program, the library, the application and targets of build systems.
[[nodiscard]] std::optional<refusal> check_name(std::string_view name);

/// Whether a project can have this namespace: identifiers that C++ reserves for nobody, joined by
/// `::`. The first one must not be taken by the C library, or by what the project includes.
[[nodiscard]] std::optional<refusal> check_module(std::string_view module);

/// Whether `namespace NAME {}` would not compile, since a header declares that name. Nothing else
/// is checked.
[[nodiscard]] bool taken_by_header(std::string_view name);

/// The nearest name that `check_name` takes and that no header has taken.
[[nodiscard]] std::string suggested_name(std::string_view wrong);

/// `HelloWorld`, `HTTPServer` as `hello_world`, `http_server`. What is in snake_case stays.
[[nodiscard]] std::string snake_case(std::string_view name);

/// `hello_world` as `HelloWorld`. What is in CamelCase stays.
[[nodiscard]] std::string camel_case(std::string_view name);

/// A word that somebody has typed, in quotation marks, with what a terminal would act on as `\x1b`.
[[nodiscard]] std::string in_quotes(std::string_view word);

}  // namespace coppice::command
