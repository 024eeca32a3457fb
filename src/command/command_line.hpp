#pragma once

#include <CLI/CLI.hpp>

namespace coppice::command {

/// What the program ends with.
enum exit_status : int {
  done = 0,
  failed = 1,  ///< Refused, or something could not be done: stderr says what.
  wrong_usage = 2,
};

/// A command of its own, `coppice NAME ...`: it adds its options, and says what to call when it has
/// been chosen. To add one, write such a function in a file of its own, and name it in main.cpp.
void add_new_command(CLI::App& program, int& status);
void add_completion_command(CLI::App& program, int& status);

}  // namespace coppice::command
