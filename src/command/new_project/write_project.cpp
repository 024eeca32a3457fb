#include "write_project.hpp"

#include "whole_file.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <ostream>
#include <system_error>

namespace coppice::command {

namespace fs = std::filesystem;

namespace {

std::string reason_of(const std::system_error& e) { return e.code().message(); }

// fs::exists follows links, and takes one that leads nowhere for nothing.
bool is_there(const fs::path& path) {
  return fs::symlink_status(path).type() != fs::file_type::not_found;
}

void check_folder(const fs::path& folder, const asker& ask) {
  if (!is_there(folder)) return;
  const std::string name = in_quotes(folder.string());
  if (!fs::is_directory(folder)) throw project_refused{name + " exists, and is no directory."};
  const bool empty = fs::is_empty(folder);
  // Whoever has typed . means this folder, and has nothing to lose in an empty one.
  if (empty && (!ask || folder == ".")) return;
  const std::string exists =
      "The directory " + name + " already exists" + (empty ? "." : ", and is not empty.");
  if (!ask) throw project_refused{exists + " Nobody can be asked whether to go on: no terminal."};
  if (!ask(exists + " Make the project there?")) {
    throw project_refused{"Nothing has been written. Another directory can be chosen: --dir PATH."};
  }
}

// Whether all folders of the files can be made: what is in their place would be noticed late.
void check_parents(const fs::path& folder, const std::vector<project_file>& files) {
  for (const project_file& file : files) {
    fs::path parent = folder;
    for (const fs::path& part : fs::path{file.path}.parent_path()) {
      parent /= part;
      if (is_there(parent) && !fs::is_directory(parent)) {
        throw project_refused{in_quotes(parent.string()) +
                              " exists, and is no directory. Nothing has been written."};
      }
    }
    if (fs::is_directory(fs::symlink_status(folder / file.path))) {
      throw project_refused{in_quotes((folder / file.path).string()) +
                            " is a directory. Nothing has been written."};
    }
  }
}

bool has_content(const fs::path& path, const std::string& content) {
  if (fs::symlink_status(path).type() != fs::file_type::regular) return false;
  std::ifstream stream{path, std::ios::binary};
  const std::string there{std::istreambuf_iterator<char>{stream}, {}};
  return stream && there == content;
}

// What has been done, as the word of its line.
std::string_view write_file(const fs::path& folder, const project_file& file, const asker& ask) {
  const fs::path path = folder / file.path;
  if (!is_there(path)) {
    fs::create_directories(path.parent_path());
    create_whole_file(path, file.content);
    return "creating";
  }
  if (has_content(path, file.content)) return "identical";
  if (!ask || !ask(file.path + " already exists. Overwrite it?")) return "keeping";
  replace_whole_file(path, file.content);
  return "overwriting";
}

std::string count_of(std::size_t made, std::size_t all) {
  if (made == 0) return "No file has been made.";
  return std::to_string(made) + " of " + std::to_string(all) +
         (made == 1 ? " files has been made: it is" : " files have been made: they are") +
         " named above, and whole.";
}

}  // namespace

void write_project(const fs::path& folder, const std::vector<project_file>& files, const asker& ask,
                   std::ostream& told) {
  try {
    check_folder(folder, ask);
    check_parents(folder, files);
  } catch (const fs::filesystem_error& e) {
    throw write_failed{"Cannot look into " + in_quotes(folder.string()) + ": " + reason_of(e) +
                       "."};
  }
  std::size_t made = 0;
  for (const project_file& file : files) {
    try {
      const std::string_view word = write_file(folder, file, ask);
      told << "* " << word << ' ' << file.path << std::endl;
      if (word == "creating" || word == "overwriting") ++made;
    } catch (const std::system_error& e) {
      throw write_failed{"Cannot write " + in_quotes((folder / file.path).string()) + ": " +
                         reason_of(e) + ". " + count_of(made, files.size())};
    }
  }
}

}  // namespace coppice::command
