#pragma once

#include "project.hpp"

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <stdexcept>
#include <string>
#include <vector>

namespace coppice::command {

/// Whom to ask whether something is to be done: true for yes. Empty where nobody can be asked.
using asker = std::function<bool(const std::string& question)>;

/// Nothing has been written, and nothing will be: somebody has said no, or could not be asked.
class project_refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file or folder could not be made. What had been made before that is there, and whole.
class write_failed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes the files of a project into a folder, and tells of each, in a line, once it is there.
///
/// A folder that exists is only used if the asker agrees; if nobody can be asked, only if it is
/// empty. A file that exists is left alone if it has that content already, and otherwise asked for.
/// Each file is written beside its place and then put there, so that nobody sees half of one, and
/// one that somebody else has made meanwhile is not overwritten.
///
/// @param folder As it has been typed.
/// @throws project_refused, write_failed
void write_project(const std::filesystem::path& folder, const std::vector<project_file>& files,
                   const asker& ask, std::ostream& told);

}  // namespace coppice::command
