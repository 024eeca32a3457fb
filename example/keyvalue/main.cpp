// A key-value server that speaks the Redis protocol: redis-cli and redis-benchmark are its clients.
//
//     keyvalue [port [address [patience]]]
//
// Port 6379 and address 127.0.0.1 unless given; port 0: any. A client that takes nothing of its
// answers for `patience` seconds, 60 unless given, is hung up on.
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
// - The acceptor hands each socket over to the process of its connection.
// - A client that asks for too much, or does not take its answers, is no trouble to others: what is
//   under way is bounded, for each and for all, and long values are sent in slices.
// - SIGTERM or SIGINT stop it all in reverse order, and the exit code is 0.
//
// The protocol, the commands and the store know nothing of sockets and processes: see session.hpp.

#include "acceptor.hpp"
#include "blob.hpp"
#include "connection.hpp"
#include "store_process.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/run.hpp>
#include <coppice/supervisor.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <malloc.h>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <span>
#include <string_view>

namespace {

using boost::asio::ip::tcp;

struct options {
  tcp::endpoint endpoint{};
  std::chrono::seconds patience{60};
};

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size();
}

std::optional<options> read_options(std::span<char*> words) {
  std::uint16_t port = 6379;
  std::uint16_t patience = 60;
  if (words.size() > 3) return std::nullopt;
  if (!words.empty() && !read(words[0], port)) return std::nullopt;
  boost::system::error_code bad;
  const auto address =
      boost::asio::ip::make_address(words.size() > 1 ? words[1] : "127.0.0.1", bad);
  if (bad) return std::nullopt;
  if (words.size() > 2 && (!read(words[2], patience) || patience == 0)) return std::nullopt;
  return options{{address, port}, std::chrono::seconds{patience}};
}

}  // namespace

int main(int argc, char** argv) {
  auto given = read_options(std::span{argv, static_cast<std::size_t>(argc)}.subspan(1));
  if (!given) {
    std::cerr << "usage: keyvalue [port [address [patience]]]\n";
    return 64;
  }
#ifdef M_MMAP_THRESHOLD
  // Each block of a long value goes back to the system by itself. Otherwise hundreds of megabytes
  // of them might go in one call, for a quarter of a second.
  ::mallopt(M_MMAP_THRESHOLD, int{keyvalue::blob::block_size});
#endif
  keyvalue::common all{.patience = given->patience};
  return coppice::run({
      .name = "keyvalue",
      .strategy = coppice::rest_for_one,
      .children =
          {
              coppice::worker("store", [&all] { return keyvalue::run_store(all.store); }),
              coppice::dynamic_supervisor({.name = keyvalue::connections_name}),
              coppice::worker("acceptor",
                              [&](coppice::init_ack up) {
                                return keyvalue::accept_clients(up, given->endpoint, all);
                              }),
          },
  });
}
