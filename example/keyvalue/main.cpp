// A key-value server that speaks the Redis protocol: redis-cli and redis-benchmark are its clients.
//
//     keyvalue [OPTION VALUE]... [port [address [patience]]]
//
// Port 6379 and address 127.0.0.1 unless given; port 0: any. A client that takes nothing of its
// answers for `patience` seconds, 60 unless given, is hung up on. Options, which have the names
// that they have in redis.conf if they are there:
//
//     --dbfilename FILE              the data is kept in that file, and what is answered is on disk;
//                                    not given: it is in memory, and ends with the store
//     --maxclients N                 so many at a time, 10000 unless given; others wait
//     --timeout SECONDS              who says nothing for so long is hung up on; 0, which is the
//                                    default: nobody is
//     --drain SECONDS                how long a command may take when the server stops, 5 unless
//                                    given
//     --slowlog-log-slower-than MICROSECONDS
//                                    what the slow log takes for slow, 10000 unless given; -1:
//                                    nothing
//
// Everything that runs is a process in one supervision tree:
//
//     keyvalue                              rest_for_one: the order is who depends on whom
//       keyvalue.file                       the file, if there is one: a stash of SQLite
//       keyvalue.store                      owns the data
//       keyvalue.clients                    an acceptor
//         keyvalue.clients.connections      a dynamic supervisor
//           one process a connection        temporary: nobody brings back a client
//         listener
//       sweeper                             frees what has expired
//       keyvalue.slow_log                   a server: the answers to SLOWLOG
//
// What it shows:
// - A crash ends one connection, nobody else notices, and no data is lost. The command CRASH
//   throws in the process of its connection; so may any bug.
// - If the store crashes (CRASH STORE), it starts again empty, or with what is in the file, and so
//   does all that relied on its data; the clients have to connect again. If it crashes again and
//   again there are pauses in between, in which the port is closed, and that spends nothing of the
//   budget of restarts.
// - With a file, nothing is answered before it is on disk, neither that it was written nor that it
//   was read: so a kill -9 of the program, or a loss of power, takes back nothing that anybody was
//   told. While the disk is busy others are served, and what they write is written together. What
//   cannot be written (the disk is full) is not acknowledged: the store crashes, and starts again
//   from the file. A command that changes several keys may have changed some of them if the program
//   is killed before it has answered. A change of a value writes all of it: long ones cost as much.
// - Anybody may be killed, and everything goes on: CRASH RANDOM kills one of all these processes,
//   be it the file, a supervisor or a connection.
// - What others can do without, the sweeper and the slow log, has a budget of its own. When it is
//   spent (CRASH SLOWLOG, several times) it is parked for a while, and everything else goes on.
//   What the slow log had in it, or on the way to it, outlives its crashes.
// - The acceptor is up when it listens. If it cannot, the program says why and ends with exit
//   code 2.
// - Running out of file descriptors is not a crash, nor are too many clients: those who connect
//   wait, and no restart is spent on it.
// - A client that asks for too much, or does not take its answers, is no trouble to others: what is
//   under way is bounded, for each and for all, long values are sent in slices, and whoever takes
//   nothing for too long is hung up on.
// - Nobody waits to tell the slow log anything. Its queue is no longer than the log itself: with
//   more to tell, the oldest is dropped, as it would be from the log.
// - On SIGTERM or SIGINT the port is closed, and clients who ask for nothing are hung up on; where
//   a command has begun to arrive, or its answer to be sent, that is finished, within the time for
//   it. Then all the rest is stopped in reverse order, and the exit code is 0. A second signal ends
//   everything at once, with exit code 3.
// - SIGUSR1 tells on stderr what every process waits for; a connection has the number that CLIENT
//   ID tells its client. Whoever holds up all others (DEBUG SLEEP) is told of while it does. And a
//   service manager is told when the program is up and when it stops, and may watch over it:
//   Type=notify and WatchdogSec in a unit of systemd.
//
// The protocol, the commands and the store know nothing of sockets and processes: see session.hpp.

#include "blob.hpp"
#include "common.hpp"
#include "options.hpp"
#include "tree.hpp"

#include <coppice/acceptor_ref.hpp>
#include <coppice/run.hpp>
#include <coppice/run_options.hpp>

#include <boost/asio/io_context.hpp>

#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>

namespace {

using namespace std::chrono_literals;

coppice::run_options make_run_options(boost::asio::io_context& io, keyvalue::common& all) {
  const auto on_ready = [&io, &all](bool ready) {
    if (ready) {
      const coppice::acceptor_ref acceptor{io, keyvalue::acceptor_name};
      std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    } else {
      all.connections.finish();
    }
  };
  return {
      .stop_within = all.given.drain + 5s,
      .on_ready = on_ready,
      .watchdog = 1s,
      .dump_on_sigusr1 = true,
      .notify_service_manager = true,
  };
}

std::optional<keyvalue::options> read_options(int argc, char** argv) {
  try {
    return keyvalue::read_options(std::span{argv, static_cast<std::size_t>(argc)}.subspan(1));
  } catch (const std::invalid_argument& wrong) {
    std::cerr << "keyvalue: " << wrong.what() << '\n'
              << "usage: keyvalue [OPTION VALUE]... [port [address [patience]]]\n"
              << "options: --dbfilename, --maxclients, --timeout, --drain, "
                 "--slowlog-log-slower-than\n";
    return std::nullopt;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = read_options(argc, argv);
  if (!given) return 64;
#ifdef M_MMAP_THRESHOLD
  // Each block of a long value goes back to the system by itself. Otherwise hundreds of megabytes
  // of them might go in one call, for a quarter of a second.
  ::mallopt(M_MMAP_THRESHOLD, int{keyvalue::blob::block_size});
#endif
  boost::asio::io_context io{1};
  keyvalue::common all{.io = io, .given = *given};
  return coppice::run(io, keyvalue::make_tree(all), make_run_options(io, all));
}
