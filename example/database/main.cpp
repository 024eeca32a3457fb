// A server that takes orders, and keeps them in PostgreSQL; which may be down for a while.
//
//     orders [--port PORT] [--at-once | --pauses MIN MAX] WHERE
//
// WHERE is the database, as libpq has it: "host=/run/postgresql dbname=orders". The port is 4000
// unless given; 0: any. MIN and MAX are the first and the longest pause before the connection is
// tried again, in milliseconds, 100 and 30000 unless given; with --at-once there are none.
//
// Clients send lines (`nc localhost 4000`): `price ITEM`, `order NUMBER ITEM`, `show NUMBER`.
//
// Everything that runs is a process in one supervision tree:
//
//     orders                  one_for_one
//       database              a server, which has the one connection
//       orders.sessions       a dynamic supervisor
//         one process a client
//       listener
//
// What it shows:
// - While the database is down, all that needs none goes on: prices are told. What needs it is
//   refused at once.
// - The server of the database ends when its connection is lost or cannot be had, and is started
//   again after a pause. That spends nothing of the supervisor's budget, so that it may take days.
// - The program starts without a database, too.
// - With --at-once, which is what OTP does, four attempts are made within milliseconds, the
//   supervisor gives up, and the exit code is 1.
//
// The guide to it is doc/a-dependency-that-is-down.md.

#include "database.hpp"
#include "listener.hpp"
#include "options.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/run.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <span>

namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

// For how long the database may take to let the program in, and to answer a statement.
constexpr auto patience = 3s;

// It is given no name, as it takes one when it is connected. Asked to stop, it would first wait for
// what it has asked the database for; so it is killed, which closes the connection just as well.
coppice::child_spec make_database(const orders::options& given) {
  auto spec = coppice::server<orders::database>("", given.where, patience)
                  .with_id("database")
                  .with_shutdown(coppice::brutal_kill);
  if (given.at_once) return spec;
  // An attempt that fails may take twice the patience. It must not count as a run that went well.
  return spec.with_backoff({.min = given.min, .max = given.max, .reset_after = 10s});
}

}  // namespace

int main(int argc, char** argv) {
  const auto given =
      orders::read_options(std::span{argv, static_cast<std::size_t>(argc)}.subspan(1));
  if (!given) {
    std::cerr << "usage: orders [--port PORT] [--at-once | --pauses MIN MAX] WHERE\n";
    return 64;
  }
  tcp::endpoint endpoint{boost::asio::ip::address_v4::loopback(), given->port};
  return coppice::run({
      .name = "orders",
      .strategy = coppice::one_for_one,
      .children =
          {
              make_database(*given),
              coppice::dynamic_supervisor({.name = orders::sessions_name}),
              coppice::worker("listener",
                              [&](coppice::init_ack up) { return orders::listen(up, endpoint); }),
          },
  });
}
