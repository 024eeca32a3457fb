#include "command_line.hpp"
#include "embedded_files.hpp"

#include <iostream>
#include <memory>
#include <string>

namespace coppice::command {

void add_completion_command(CLI::App& program, int& status) {
  CLI::App* command = program.add_subcommand(
      "completion", "Print what has a shell complete the words of this program");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([shell, &status] {
    std::cout << embedded_file(*shell == "bash" ? "completion/coppice.bash"
                                                : "completion/_coppice");
    status = done;
  });
}

}  // namespace coppice::command
