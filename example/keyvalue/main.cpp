// A key-value server that speaks the Redis protocol: redis-cli and redis-benchmark are its clients.
//
//     keyvalue [port [address]]      port 6379 and address 127.0.0.1 unless given; port 0: any
//
// Everything that runs is a process in one supervision tree:
//
//     keyvalue                       rest_for_one: who depends on whom is the order of the children
//       keyvalue.store               owns the data
//       keyvalue.connections         a dynamic supervisor
//         one process a connection   temporary: nobody brings back a client
//       acceptor
//
// What it shows:
// - A crash ends one connection, nobody else notices, and no data is lost. The command CRASH
//   throws in the process of its connection; so may any bug.
// - If the store crashes (CRASH STORE), it starts again empty, and so does all that relied on its
//   data; the clients have to connect again.
// - The acceptor acknowledges its start when it listens. If it cannot, the program says why and
//   ends with exit code 2.
// - Running out of file descriptors is not a crash: the acceptor waits and goes on, and no
//   restart is spent on it.
// - SIGTERM or SIGINT stop it all in reverse order, and the exit code is 0.
//
// The protocol, the commands and the store know nothing of sockets and processes: see session.hpp.

#include "acceptor.hpp"
#include "store_process.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/run.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <charconv>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string_view>

namespace {

using boost::asio::ip::tcp;

std::optional<tcp::endpoint> read_endpoint(int argc, char** argv) {
  std::uint16_t port = 6379;
  if (argc > 3) return std::nullopt;
  if (argc > 1) {
    const std::string_view text{argv[1]};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  }
  boost::system::error_code bad;
  const auto address = boost::asio::ip::make_address(argc > 2 ? argv[2] : "127.0.0.1", bad);
  if (bad) return std::nullopt;
  return tcp::endpoint{address, port};
}

}  // namespace

int main(int argc, char** argv) {
  auto endpoint = read_endpoint(argc, argv);
  if (!endpoint) {
    std::cerr << "usage: keyvalue [port [address]]\n";
    return 64;
  }
  keyvalue::store_link link;
  return coppice::run({
      .name = "keyvalue",
      .strategy = coppice::rest_for_one,
      .children =
          {
              coppice::worker("store", [&link] { return keyvalue::run_store(link); }),
              coppice::dynamic_supervisor({.name = keyvalue::connections_name}),
              coppice::worker("acceptor",
                              [&](coppice::init_ack up) {
                                return keyvalue::accept_clients(up, *endpoint, link);
                              }),
          },
  });
}
