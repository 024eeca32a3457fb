#include "connection.hpp"

#include "as_result.hpp"
#include "answers.hpp"
#include "beast_web_socket.hpp"
#include "user.hpp"

#include <coppice/process.hpp>
#include <coppice/supervise.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

namespace chat {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t longest_header = 8192;
constexpr std::uint64_t longest_body = 1024;

// Closed at once, a socket with unread bytes in it would take back what was written last. So it is
// read until the client has hung up, for a while.
coppice::task<> hang_up(beast::tcp_stream& stream) {
  boost::system::error_code ignored;
  stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  stream.expires_after(1s);
  std::array<char, 1024> rest;
  while (true) {
    const auto [ended, size] = co_await stream.async_read_some(asio::buffer(rest), as_result);
    if (ended) co_return;
  }
}

coppice::task<> become_user(beast::tcp_stream stream, request asked, std::string room,
                            const options& given) {
  auto accepting = accept_web_socket(std::move(stream), std::move(asked));
  std::shared_ptr<web_socket> socket = co_await std::move(accepting);
  if (!socket) co_return;
  auto life = coppice::supervise(make_user_supervisor(std::move(socket), std::move(room), given));
  co_await life.end();
}

}  // namespace

coppice::task<> serve(asio::ip::tcp::socket socket, const common& all) {
  beast::tcp_stream stream{std::move(socket)};
  beast::flat_buffer buffer;
  while (true) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(longest_header);
    parser.body_limit(longest_body);
    // One limit for all of it: a client that sends a byte now and then gains nothing.
    stream.expires_after(all.given.patience);
    const auto [failed, size] = co_await http::async_read(stream, buffer, parser, as_result);
    const auto refusal = failed ? refuse(failed) : std::nullopt;
    // A client that hangs up, or is too slow, and a stop are the ordinary end of a connection.
    if (failed && !refusal) co_return;

    const request& asked = parser.get();
    const route way = refusal ? route{route::kind_type::bad_request} : find_route(line_of(asked));
    if (way.kind == route::kind_type::room) {
      auto becoming = become_user(std::move(stream), parser.release(), way.room, all.given);
      co_return co_await std::move(becoming);
    }
    const response reply = refusal ? *refusal : answer(way, asked, all.is_ready);
    stream.expires_after(all.given.patience);
    const auto [lost, sent] = co_await http::async_write(stream, reply, as_result);
    if (lost) co_return;
    if (reply.need_eof() || !reply.keep_alive()) {
      auto hanging_up = hang_up(stream);
      co_return co_await std::move(hanging_up);
    }
  }
}

}  // namespace chat
