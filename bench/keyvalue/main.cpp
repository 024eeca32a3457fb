// The key-value example on bare Boost.Asio, unsupervised: the same protocol, commands and store,
// from the same source files, and what is left of the rest when nobody is to be restarted.
//
//     keyvalue-bare [port]      port 0, any, unless given
//
// Awaitables of a known executor on an io_context for one thread, started by co_spawn and detached.
// A connection that fails, or whose client wants it to, is closed; the store cannot fail.

#include "session.hpp"
#include "store.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using executor = asio::io_context::executor_type;
using coroutine = asio::awaitable<void, executor>;
using keyvalue::session;
using keyvalue::store;

constexpr auto errors = asio::as_tuple(asio::deferred);

coroutine serve(asio::basic_stream_socket<tcp, executor> socket, store& data) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  socket.non_blocking(true);

  session client;
  while (true) {
    const std::span<char> room = client.room();
    const auto [failed, size] =
        co_await socket.async_read_some(asio::buffer(room.data(), room.size()), errors);
    if (failed) co_return;
    client.received(size);

    session::state state = session::state::busy;
    while (state != session::state::idle) {
      state = client.work(&data);
      if (const std::string_view output = client.output(); !output.empty()) {
        boost::system::error_code unsent;
        const std::size_t sent = socket.write_some(asio::buffer(output), unsent);
        if (unsent == asio::error::would_block || (!unsent && sent < output.size())) {
          const auto rest = asio::buffer(output.substr(sent));
          std::tie(unsent, std::ignore) = co_await asio::async_write(socket, rest, errors);
        }
        if (unsent) co_return;
        client.sent();
      }
      if (state == session::state::finished || state == session::state::crash) co_return;
    }
  }
}

coroutine accept_clients(asio::basic_socket_acceptor<tcp, executor>& acceptor, store& data) {
  while (true) {
    auto socket = co_await acceptor.async_accept(asio::deferred);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), data), asio::detached);
  }
}

coroutine sweep(store& data) {
  using namespace std::chrono_literals;
  using clock = std::chrono::steady_clock;
  constexpr std::size_t at_once = 1000;
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor> timer{
      co_await asio::this_coro::executor};
  while (true) {
    timer.expires_after(100ms);
    co_await timer.async_wait(asio::deferred);
    while (data.sweep(at_once) == at_once) co_await asio::post(asio::deferred);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<asio::ip::port_type>(argc > 1 ? std::atoi(argv[1]) : 0);
  try {
    store data;
    asio::io_context io{1};
    asio::basic_socket_acceptor<tcp, executor> acceptor{
        io, tcp::endpoint{asio::ip::address_v4::loopback(), port}};
    asio::signal_set signals{io, SIGINT, SIGTERM};
    signals.async_wait([&io](boost::system::error_code, int) { io.stop(); });
    asio::co_spawn(io, sweep(data), asio::detached);
    asio::co_spawn(io, accept_clients(acceptor, data), asio::detached);
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    io.run();
  } catch (const std::exception& e) {
    std::cerr << "keyvalue-bare: " << e.what() << '\n';
    return 1;
  }
}
