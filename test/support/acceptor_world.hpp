#pragma once

#include "coroutine.hpp"
#include "world.hpp"

#include <coppice/acceptor.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using asio::ip::tcp;
using boost::system::error_code;

inline const tcp::endpoint any_port{asio::ip::address_v4::loopback(), 0};

// Errors are results, not exceptions.
inline constexpr auto as_result = asio::as_tuple(use_coroutine);

// Sends back what it receives; ends when the client does, or when it is asked to stop.
template <class Socket>
coroutine<> echo(Socket socket) {
  std::array<char, 64> data{};
  for (;;) {
    const auto received = co_await socket.async_read_some(asio::buffer(data), as_result);
    if (std::get<0>(received)) co_return;
    const std::string_view text{data.data(), std::get<1>(received)};
    if (text == "crash") throw std::runtime_error{"crash"};
    const auto sent = co_await asio::async_write(socket, asio::buffer(text), as_result);
    if (std::get<0>(sent)) co_return;
  }
}

// A world with an acceptor, "server", and clients that use sockets outside of its processes.
struct acceptor_world : world {
  // The supervisor of a child.
  coppice::supervisor_ref start(coppice::child_spec child) {
    root = coppice::start_supervisor(
        io, {.name = "root", .strategy = coppice::one_for_one, .children = {std::move(child)}});
    clock.settle();
    return root;
  }
  template <class F>
  void listen(F on_connection, coppice::acceptor_options options = {}) {
    options.name = "server";
    start(coppice::acceptor(any_port, std::move(on_connection), std::move(options)));
    REQUIRE(server.alive());
  }

  // Goes on until that is so: the kernel need not have delivered at once what was sent.
  template <class Condition>
  bool comes_true(Condition condition) {
    for (int i = 0; i < 100'000; ++i) {
      clock.settle();
      if (condition()) return true;
    }
    return false;
  }

  // A client has connected when it is made, be it accepted or not.
  struct client {
    explicit client(acceptor_world& w) : client{w, w.server.local_endpoint()} {}
    client(acceptor_world& w, const tcp::endpoint& to) : world{w}, socket{w.io} {
      socket.connect(to);
      socket.non_blocking(true);
    }

    void send(std::string_view text) {
      error_code ignored;
      socket.write_some(asio::buffer(text), ignored);
    }
    // What has come by now.
    std::string receive() {
      world.clock.settle();
      std::array<char, 64> data{};
      const std::size_t n = socket.read_some(asio::buffer(data), error);
      return {data.data(), n};
    }
    bool echoes(std::string_view text) {
      send(text);
      return world.comes_true([&] { return receive() == text; });
    }
    // Whether the other side has closed the connection.
    bool is_closed() {
      receive();
      return error && error != asio::error::would_block;
    }

    acceptor_world& world;
    tcp::socket socket;
    error_code error{};
  };

  std::size_t connections() { return server.counts().connections; }
  bool has_connections(std::size_t n) {
    return comes_true([&] { return connections() == n; });
  }
  bool can_connect(const tcp::endpoint& to) {
    tcp::socket socket{io};
    error_code ec;
    socket.connect(to, ec);
    return !ec;
  }
  // The process of a child of the acceptor's.
  coppice::pid child(std::string_view id) {
    coppice::pid found;
    coppice::supervisor_ref{server.get_pid()}.which_child(id)(
        [&found](error_code, const coppice::child_entry& entry) { found = entry.process; });
    clock.settle();
    return found;
  }
  // The reports with these words in them.
  std::vector<std::string> reports_of(std::string_view words) {
    clock.settle();
    std::vector<std::string> found;
    std::ranges::copy_if(reports, std::back_inserter(found), [words](const std::string& text) {
      return text.find(words) != std::string::npos;
    });
    return found;
  }

  coppice::supervisor_ref root;
  const coppice::acceptor_ref server{io, "server"};
};
