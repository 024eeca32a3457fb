// The HTTP of example/chat on Asio and Beast alone: a co_spawn for each connection, with the same
// answers, limits of size and limits of time.
//
//     chat-bare PORT

#include "answers.hpp"
#include "routes.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds patience{10};

asio::awaitable<void> serve(tcp::socket socket) {
  beast::tcp_stream stream{std::move(socket)};
  beast::flat_buffer buffer;
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(8192);
    parser.body_limit(1024);
    stream.expires_after(patience);
    const auto [failed, size] = co_await http::async_read(stream, buffer, parser, as_result);
    if (failed) co_return;
    const chat::request& asked = parser.get();
    const chat::response reply = chat::answer(chat::find_route(chat::line_of(asked)), asked, true);
    stream.expires_after(patience);
    const auto [lost, sent] = co_await http::async_write(stream, reply, as_result);
    if (lost || !reply.keep_alive()) co_return;
  }
}

asio::awaitable<void> listen(tcp::acceptor acceptor) {
  while (true) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int, char** argv) {
  asio::io_context io{1};
  const auto port = static_cast<asio::ip::port_type>(std::atoi(argv[1]));
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), port}};
  std::cout << "listening on " << acceptor.local_endpoint() << std::endl;
  asio::co_spawn(io, listen(std::move(acceptor)), asio::detached);
  asio::signal_set signals{io, SIGTERM, SIGINT};
  signals.async_wait([&](auto...) { io.stop(); });
  io.run();
}
