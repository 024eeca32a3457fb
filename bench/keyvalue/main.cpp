// The key-value example on bare Boost.Asio, unsupervised: the same protocol, commands and store,
// from the same source files, and what is left of the rest when nobody is to be restarted.
//
//     keyvalue-bare [port]      port 0, any, unless given
//
// Awaitables of a known executor on an io_context for one thread, started by co_spawn and detached.
// A connection that fails, or whose client wants it to, is closed; the store cannot fail.

#include "budget.hpp"
#include "reply.hpp"
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

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
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

using buffers = std::array<asio::const_buffer, keyvalue::reply_buffer::most_pieces>;

buffers to_buffers(std::span<const std::string_view> pieces) {
  buffers result;
  for (std::size_t i = 0; i < pieces.size(); ++i) result[i] = asio::buffer(pieces[i]);
  return result;
}

coroutine serve(asio::basic_stream_socket<tcp, executor> socket, std::uint64_t id, store& data,
                keyvalue::budget& under_way) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  socket.non_blocking(true);

  session client{id, under_way};
  while (true) {
    const std::span<char> room = client.room();
    const auto [failed, size] =
        co_await socket.async_read_some(asio::buffer(room.data(), room.size()), errors);
    if (failed) co_return;
    client.received(size);

    session::state state = session::state::busy;
    while (state != session::state::idle) {
      state = client.work(&data);
      while (true) {
        const auto pieces = client.output();
        if (pieces.empty()) break;
        boost::system::error_code unsent;
        client.sent(socket.write_some(to_buffers(pieces), unsent));
        if (unsent == asio::error::would_block) {
          std::tie(unsent) = co_await socket.async_wait(socket.wait_write, errors);
        }
        if (unsent) co_return;
      }
      if (state == session::state::finished || state == session::state::crash) co_return;
    }
  }
}

coroutine accept_clients(asio::basic_socket_acceptor<tcp, executor>& acceptor, store& data,
                         keyvalue::budget& under_way) {
  for (std::uint64_t id = 1;; ++id) {
    auto socket = co_await acceptor.async_accept(asio::deferred);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket), id, data, under_way),
                   asio::detached);
  }
}

coroutine sweep(store& data) {
  using namespace std::chrono_literals;
  using clock = std::chrono::steady_clock;
  constexpr std::size_t at_once = 250;
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
    keyvalue::budget under_way{std::size_t{1} << 30};
    asio::io_context io{1};
    asio::basic_socket_acceptor<tcp, executor> acceptor{
        io, tcp::endpoint{asio::ip::address_v4::loopback(), port}};
    asio::signal_set signals{io, SIGINT, SIGTERM};
    signals.async_wait([&io](boost::system::error_code, int) { io.stop(); });
    asio::co_spawn(io, sweep(data), asio::detached);
    asio::co_spawn(io, accept_clients(acceptor, data, under_way), asio::detached);
    std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
    io.run();
  } catch (const std::exception& e) {
    std::cerr << "keyvalue-bare: " << e.what() << '\n';
    return 1;
  }
}
