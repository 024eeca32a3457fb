// A chat: a page at http://127.0.0.1:8080/, and rooms, which are WebSockets at /rooms/NAME.
//
//     chat [OPTION]...
//
//     --port PORT          8080 unless given; 0: any
//     --address ADDRESS    127.0.0.1 unless given
//     --faults             users may crash their room, by /crash
//     --history LINES      so many does a room keep, 50 unless given
//     --idle SECONDS       an empty room ends after so long, 60 unless given
//     --patience SECONDS   for a request, and for the answer to be taken; 10 unless given
//     --settle SECONDS     for how long it goes on, and is not ready, after SIGTERM; 0 unless given
//
// Everything that runs is a process in one supervision tree:
//
//     chat                               rest_for_one
//       chat.rooms                       a dynamic supervisor: rooms come and go
//         chat.rooms.NAME                a supervisor for each room, with a budget of its own
//           chat.rooms.NAME.room         a server: who is there, and what was said last
//       chat.clients                     an acceptor
//         chat.clients.connections       a dynamic supervisor
//           one process a connection     HTTP; when it has become a WebSocket, a supervisor
//             user                       a server: tells the client what the room tells, and the
//                                        room what the client says
//               reader                   linked to it: reads from the WebSocket
//         listener
//
// What it shows:
// - A room that crashes comes back with what was said last, and with who was there. Its users stay
//   connected. What they say meanwhile waits, and nobody sees a line twice or misses one.
// - A room is started when somebody comes in, and ends by itself when nobody is left.
// - A room that crashes again and again is given up, and begins anew. No other room notices.
// - A client that does not read costs 256 lines of memory, and is then cut off.
// - On SIGTERM the port is closed, users get a close frame with code 1001, the rooms end, and the
//   exit code is 0.
//
// The guide to it is doc/chat.md.

#include "names.hpp"
#include "options.hpp"
#include "tree.hpp"

#include <coppice/acceptor_ref.hpp>
#include <coppice/run.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <span>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  const auto given = chat::read_options(std::span{argv, static_cast<std::size_t>(argc)}.subspan(1));
  if (!given) {
    std::cerr << "usage: chat [--port PORT] [--address ADDRESS] [--faults] [--history LINES]\n"
                 "            [--idle SECONDS] [--patience SECONDS] [--settle SECONDS]\n";
    return 64;
  }
  boost::asio::io_context io{1};
  chat::common all{.given = *given};
  const auto on_ready = [&](bool ready) {
    all.is_ready = ready;
    if (!ready) return;
    const coppice::acceptor_ref clients{io, chat::clients_name};
    std::cout << "listening on " << clients.local_endpoint() << std::endl;
  };
  return coppice::run(io, chat::make_tree(all),
                      {.stop_within = given->settle + 10s,
                       .on_ready = on_ready,
                       .settle = given->settle,
                       .dump_on_sigusr1 = true,
                       .notify_service_manager = true});
}
