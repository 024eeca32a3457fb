#include "command_line.hpp"
#include "new_project/project.hpp"
#include "new_project/write_project.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

namespace coppice::command {

namespace fs = std::filesystem;

namespace {

struct new_options {
  std::string name_or_path;
  std::string module;
  std::string folder;
  bool supervised = false;
  std::string build;
};

// The last part of a path, also of one that ends in / or is . itself.
std::string name_of(const fs::path& path) {
  fs::path normal = fs::absolute(path).lexically_normal();
  if (normal.filename().empty()) normal = normal.parent_path();
  return normal.filename().string();
}

// A question on the terminal, until it is answered; an end of the input is a no.
bool ask_on_terminal(const std::string& question) {
  for (;;) {
    std::cout << question << " [y/n] " << std::flush;
    std::string answer;
    if (!std::getline(std::cin, answer)) {
      std::cout << '\n';
      return false;
    }
    if (answer == "y" || answer == "Y" || answer == "yes") return true;
    if (answer == "n" || answer == "N" || answer == "no") return false;
  }
}

// A path as it is typed to a shell.
std::string shell_word(const std::string& path) {
  const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"_-./+,@%"}.find(c) != std::string_view::npos;
  });
  if (plain) return path;
  std::string word = "'";
  for (const char c : path) {
    if (c == '\'') word += "'\\'";
    word += c;
  }
  return word + "'";
}

int refuse(const refusal& why) {
  std::cerr << "coppice: " << why.what << '\n' << why.advice << '\n';
  return failed;
}

void say_what_is_next(const project& made, const std::string& folder) {
  std::cout << "\nThe project " << made.name << " is there. To build and test it:\n\n";
  if (folder != ".") std::cout << "    cd " << shell_word(folder) << '\n';
  for (const std::string& line : commands_of(made)) std::cout << "    " << line << '\n';
  if (const auto program = program_of(made)) {
    std::cout << "\nTo run it, until Ctrl-C:\n\n    " << *program << '\n';
  }
  std::cout << std::flush;
}

int make_project(const new_options& options) {
  const bool apart = !options.folder.empty();
  const std::string folder = apart ? options.folder : options.name_or_path;
  project wanted{.name = apart ? options.name_or_path : name_of(folder),
                 .module = options.module,
                 .supervised = options.supervised,
                 .build = options.build == "cmake" ? build_system::cmake : build_system::meson};
  if (wanted.module.empty()) wanted.module = wanted.name;
  if (auto why = check(wanted)) {
    if (!apart && wanted.name != folder && check_name(wanted.name)) {
      why->advice += " It is taken from the path: coppice new NAME --dir " + shell_word(folder) +
                     " gives the project another name.";
    }
    return refuse(*why);
  }
  const bool can_ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  try {
    write_project(folder, files_of(wanted, COPPICE_VERSION), can_ask ? ask_on_terminal : asker{},
                  std::cout);
  } catch (const project_refused& e) {
    std::cerr << "coppice: " << e.what() << '\n';
    return failed;
  } catch (const write_failed& e) {
    std::cerr << "coppice: " << e.what() << '\n';
    return failed;
  }
  say_what_is_next(wanted, folder);
  return done;
}

}  // namespace

void add_new_command(CLI::App& program, int& status) {
  CLI::App* command =
      program.add_subcommand("new", "Write a small project that builds and passes its test");
  const auto options = std::make_shared<new_options>();
  command
      ->add_option("NAME", options->name_or_path,
                   "The name of the project, or a path to it, of which the last part is the name: "
                   "lower-case letters, digits and _, a letter first")
      ->required();
  command->add_flag("--sup", options->supervised,
                    "With an application, a supervisor with a place for children, and a program");
  command
      ->add_option("--module", options->module,
                   "The namespace of its code, which names its files too; NAME, if not given")
      ->option_text("NAMESPACE");
  command
      ->add_option("--dir", options->folder,
                   "Where to write it; a directory called NAME, if not given")
      ->option_text("PATH");
  command->add_option("--build", options->build, "What builds it: meson, if not given, or cmake")
      ->option_text("meson|cmake")
      ->check(CLI::IsMember({"meson", "cmake"}));
  command->callback([options, &status] { status = make_project(*options); });
}

}  // namespace coppice::command
