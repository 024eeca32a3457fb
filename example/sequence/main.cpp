// A number server with an interactive console, as in "Programming Elixir": crash it and see it come
// back.
//
//     sequence [--stash]        with a stash the number outlives its server
//
// Everything that runs is a process in one supervision tree:
//
//     Sequence                  one_for_one, forgives nothing: what gives up below ends the program
//       Sequence.Supervisor     one_for_one; with a stash rest_for_one
//         Sequence.Stash        keeps the number while the server is dead; only with --stash
//         Sequence.Server       hands the numbers out
//       Sequence.Shell          one_for_one
//         Sequence.Console      reads commands and obeys; brought back like anybody else
//
// What it shows:
// - Sequence.Server.increment_number "cat" crashes the server. What it had counted is lost, or
//   goes on where it was, with a stash.
// - observer shows the tree, its states, and how often everybody was restarted; kill NAME kills
//   anybody in it.
// - Four crashes within five seconds are too many: the supervisor gives up, so does the one above,
//   and the exit code is 1.
// - The console waits without blocking: while somebody types, everything else goes on.
// - Ctrl-D, Ctrl-C and SIGTERM stop it all in reverse order, the terminal is as it was, and
//   the exit code is 0.
//
// From a pipe it reads commands line by line: `echo help | sequence`.

#include "reports.hpp"
#include "tree.hpp"
#include "user_interface.hpp"

#include <coppice/report.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/run.hpp>

#include <boost/asio/io_context.hpp>

#include <clocale>
#include <exception>
#include <iostream>
#include <string_view>

namespace {

constexpr std::string_view usage =
    "usage: sequence [--stash]\n"
    "\n"
    "  --stash  keeps the number in a stash, so that it outlives a crash of its server\n"
    "  --help   prints this\n";

int play(bool stashed) {
  boost::asio::io_context io{1};
  const auto ui = sequence::make_user_interface(io);
  sequence::report_filter filter;
  coppice::set_report_sink(io, [&](const coppice::report& what) {
    if (const auto text = filter(what, sequence::time_of_day())) ui->print(*text);
  });
  const int code = coppice::run(io, sequence::make_tree(stashed, *ui));
  coppice::set_report_sink(io, nullptr);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  bool stashed = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--help") {
      std::cout << usage;
      return 0;
    }
    if (option != "--stash") {
      std::cerr << "sequence: unknown argument " << option << '\n' << usage;
      return 2;
    }
    stashed = true;
  }
  std::setlocale(LC_CTYPE, "");
  try {
    return play(stashed);
  } catch (const std::exception& e) {
    std::cerr << "sequence: " << e.what() << '\n';
    return 2;
  }
}
