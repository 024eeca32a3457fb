#include "command_line.hpp"
#include "new_project/names.hpp"

#include <exception>
#include <iostream>
#include <string>

namespace {

// What CLI11 has found wrong, and how to go on. Asking for help is no mistake.
int tell(const CLI::App& program, const CLI::ParseError& e) {
  if (e.get_exit_code() == 0) {
    program.exit(e, std::cout, std::cerr);
    return coppice::command::done;
  }
  const auto chosen = program.get_subcommands();
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  const auto unknown = program.remaining();
  std::cerr << "coppice" << command << ": ";
  if (chosen.empty() && !unknown.empty()) {
    std::cerr << "there is no command " << coppice::command::in_quotes(unknown.front()) << '\n';
  } else {
    std::cerr << e.what() << '\n';
  }
  if (command == " new") {
    std::cerr << "Usage: coppice new NAME|PATH [--sup] [--module NAMESPACE] [--dir PATH] "
                 "[--build meson|cmake]\n";
  }
  std::cerr << "coppice" << command << " --help tells more.\n";
  return coppice::command::wrong_usage;
}

}  // namespace

int main(int argc, char** argv) {
  namespace command = coppice::command;
  int status = command::wrong_usage;
  try {
    CLI::App program{"Supervision for Boost.Asio coroutines: the command-line program."};
    program.name("coppice");
    program.set_version_flag("--version", "coppice " COPPICE_VERSION, "Print the version");
    program.set_help_flag("-h,--help", "Print this help");
    program.require_subcommand(1);
    program.footer("Exit codes: 0 fine, 1 refused or failed, 2 wrong usage.");
    command::add_new_command(program, status);
    command::add_completion_command(program, status);
    try {
      program.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      status = tell(program, e);
    }
  } catch (const std::exception& e) {
    std::cerr << "coppice: " << e.what() << '\n';
    status = command::failed;
  }
  if (!std::cout.flush()) {
    std::cerr << "coppice: cannot write to the standard output\n";
    status = command::failed;
  }
  return status;
}
