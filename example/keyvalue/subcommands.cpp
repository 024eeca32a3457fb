#include "subcommands.hpp"

#include <algorithm>
#include <string>

namespace keyvalue {

outcome unknown_subcommand(arguments a, reply_writer out) {
  std::string command{a[0].text};
  std::transform(command.begin(), command.end(), command.begin(), to_upper);
  out.error("ERR unknown subcommand '" + printable(a[1].text) + "'. Try " + command + " HELP.");
  return outcome::go_on;
}

outcome wrong_number(std::string_view command, reply_writer out) {
  out.error("ERR wrong number of arguments for '" + std::string{command} + "' command");
  return outcome::go_on;
}

}  // namespace keyvalue
