// An echo server. Each connection is a process: one that crashes ends alone.
//
//     echo [PORT]       4000 unless given; 0: any that is free
//
// Try it with `nc localhost 4000`. Ctrl-C stops it: the port is free at once, and the connections
// have five seconds to end by themselves.

#include <coppice.hpp>
#include <coppice/acceptor.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <iostream>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr auto as_result = asio::as_tuple(asio::deferred);  // errors are results, not exceptions

// A client that hangs up, or says nothing for a minute, is no crash: the process just returns,
// which closes the socket.
coppice::task<> session(tcp::socket socket) {
  char data[4096];
  while (true) {
    auto reading = socket.async_read_some(asio::buffer(data), as_result);
    const auto [ended, size] = co_await coppice::with_deadline(std::move(reading), 1min);
    if (ended) co_return;
    const auto [lost, sent] =
        co_await asio::async_write(socket, asio::buffer(data, size), as_result);
    if (lost) co_return;
  }
}

// Runs when the acceptor listens, since it comes after it.
coppice::task<> announce() {
  std::cout << "listening on " << coppice::acceptor_ref{"echo"}.local_endpoint() << std::endl;
  co_return;
}

bool read_port(const char* text, std::uint16_t& port) {
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, port);
  return error == std::errc{} && stop == end;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 4000;
  if (argc > 2 || (argc == 2 && !read_port(argv[1], port))) {
    std::cerr << "usage: echo [PORT]\n";
    return 64;
  }
  return coppice::run(
      {.name = "echo.server",
       .strategy = coppice::rest_for_one,
       .children = {coppice::acceptor({asio::ip::address_v4::loopback(), port}, session,
                                      {.name = "echo", .max_connections = 10'000, .drain = 5s}),
                    coppice::worker("announce", announce).with_restart(coppice::transient)}});
}
