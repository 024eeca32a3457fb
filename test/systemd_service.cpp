// systemd_service FOLDER: a program for systemd_test.py to run as a service.
//
// It is up when somebody has connected to FOLDER/gate. Clients of FOLDER/clients are greeted, and
// may stay until they hang up, also while it stops; a byte from one of them blocks the loop for
// ever.

#include <coppice/acceptor.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/process.hpp>
#include <coppice/run.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using asio::local::stream_protocol;
using namespace std::chrono_literals;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> session(stream_protocol::socket client) {
  char byte = '+';
  co_await asio::async_write(client, asio::buffer(&byte, 1), asio::use_awaitable);
  const auto [ended, n] = co_await client.async_read_some(asio::buffer(&byte, 1), as_result);
  if (n == 0) co_return;
  for (;;) ::pause();
}

asio::awaitable<void> gate(coppice::init_ack up, std::string path) {
  stream_protocol::acceptor listening{co_await asio::this_coro::executor, path};
  const stream_protocol::socket opened = co_await listening.async_accept(asio::use_awaitable);
  up.ready();
  co_await coppice::sleep_for(1h);
}

}  // namespace

int main(int, char** argv) {
  const std::string folder = argv[1];
  return coppice::run(
      {.name = "service",
       .strategy = coppice::one_for_one,
       .children = {coppice::acceptor(stream_protocol::endpoint{folder + "/clients"}, session,
                                      {.name = "clients", .drain = 60s}),
                    coppice::worker(
                        "gate", [&](coppice::init_ack up) { return gate(up, folder + "/gate"); })}},
      {.on_ready = [](bool is) { std::cout << (is ? "ready" : "not ready") << std::endl; },
       .notify_service_manager = true});
}
