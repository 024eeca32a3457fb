// A key-value server that speaks the Redis protocol: redis-cli and redis-benchmark are its clients.
//
//     keyvalue [OPTION VALUE]... [port [address [patience]]]
//
// Port 6379 and address 127.0.0.1 unless given; port 0: any. A client that takes nothing of its
// answers for `patience` seconds, 60 unless given, is hung up on. Options, which have the names
// that they have in redis.conf if they are there:
//
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
// - If the store crashes (CRASH STORE), it starts again empty, and so does all that relied on its
//   data; the clients have to connect again. If it crashes again and again there are pauses in
//   between, in which the port is closed, and that spends nothing of the budget of restarts.
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
#include "connection.hpp"
#include "options.hpp"
#include "slow_log.hpp"
#include "slow_log_server.hpp"
#include "store_process.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/acceptor_ref.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/run.hpp>
#include <coppice/run_options.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/io_context.hpp>

#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

namespace {

using namespace std::chrono_literals;

constexpr const char* acceptor_name = "keyvalue.clients";

// A child that all others can do without: when it fails too often it is parked, and takes nobody
// along. It has nothing to do that takes long, and so it hangs if it gets nowhere for ten seconds.
coppice::child_spec dispensable(coppice::child_spec spec) {
  return std::move(spec)
      .with_restart_limit({.intensity = 3, .period = 1min, .then = coppice::park})
      .with_progress_limit(10s);
}

// Connections have no limit of progress, since they may wait for their clients for ever. All else
// that they wait for has a limit of its own.
coppice::supervisor_spec make_tree(keyvalue::common& all) {
  const keyvalue::options& given = all.given;
  auto on_connection = [&all](keyvalue::socket_type socket) {
    return keyvalue::serve(std::move(socket), all);
  };
  auto store = [&all] { return keyvalue::run_store(all.store, all.connections); };
  auto sweeper = [&all] { return keyvalue::sweep(all.store); };
  // No more need wait for it, as these would be the ones that it keeps.
  const coppice::server_options of_slow_log{
      .mailbox = {.limit = keyvalue::slow_log::most, .when_full = coppice::overflow::drop_oldest}};
  return {
      .name = "keyvalue",
      .strategy = coppice::rest_for_one,
      .children =
          {
              coppice::worker("store", store).with_backoff({.min = 100ms, .max = 10s}),
              coppice::acceptor(given.endpoint, on_connection,
                                {.name = acceptor_name,
                                 .max_connections = given.most_clients,
                                 .drain = given.drain,
                                 .shutdown = 1s}),
              dispensable(coppice::worker("sweeper", sweeper)),
              dispensable(coppice::server_with<keyvalue::slow_log_server>(of_slow_log,
                                                                          keyvalue::slow_log_name)),
          },
  };
}

coppice::run_options make_run_options(boost::asio::io_context& io, keyvalue::common& all) {
  const auto on_ready = [&io, &all](bool ready) {
    if (ready) {
      const coppice::acceptor_ref acceptor{io, acceptor_name};
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
              << "options: --maxclients, --timeout, --drain, --slowlog-log-slower-than\n";
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
  keyvalue::common all{.given = *given};
  boost::asio::io_context io{1};
  return coppice::run(io, make_tree(all), make_run_options(io, all));
}
