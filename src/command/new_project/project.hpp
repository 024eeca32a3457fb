#pragma once

#include "names.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::command {

enum class build_system { meson, cmake };

/// What `coppice new` is asked for.
struct project {
  std::string name;
  /// The namespace of its code. Names the files too: `acme::Shop` makes `src/acme/shop.cpp`.
  std::string module;
  /// With an application, a supervisor, and a program that runs them.
  bool supervised = false;
  build_system build = build_system::meson;
};

/// Why there can be no such project.
[[nodiscard]] std::optional<refusal> check(const project& wanted);

struct project_file {
  std::string path;  ///< Within the folder of the project.
  std::string content;
};

/// All files of a project, in the order in which they are made.
///
/// @param wanted Has been checked.
/// @param version That of coppice; the project needs that one or a newer one.
[[nodiscard]] std::vector<project_file> files_of(const project& wanted, std::string_view version);

/// What to type in order to build and test it, a command each; and to run it, if it is a program.
[[nodiscard]] std::vector<std::string> commands_of(const project& made);
[[nodiscard]] std::optional<std::string> program_of(const project& made);

}  // namespace coppice::command
