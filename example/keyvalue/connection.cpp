#include "connection.hpp"

#include "session.hpp"

#include <coppice/exit_reason.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>
#include <tuple>

namespace keyvalue {

namespace asio = boost::asio;

boost::asio::awaitable<void, coppice::executor> serve(unique_fd fd, asio::ip::tcp protocol,
                                                      const store_link& link) {
  // A client that hangs up, or a stop, is the ordinary end of a connection.
  constexpr auto errors = asio::as_tuple(asio::deferred);

  asio::basic_stream_socket<asio::ip::tcp, coppice::executor> socket{
      co_await asio::this_coro::executor};
  socket.assign(protocol, fd.get());
  fd.release();
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
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
      state = client.work(link.get());
      if (const std::string_view output = client.output(); !output.empty()) {
        // Most replies fit into the socket's buffer, and need not be waited for.
        boost::system::error_code unsent;
        const std::size_t sent = socket.write_some(asio::buffer(output), unsent);
        if (unsent == asio::error::would_block || (!unsent && sent < output.size())) {
          const auto rest = asio::buffer(output.substr(sent));
          std::tie(unsent, std::ignore) = co_await asio::async_write(socket, rest, errors);
        }
        if (unsent) co_return;
        client.sent();
      }
      switch (state) {
        case session::state::idle:
        case session::state::busy: break;
        case session::state::finished: co_return;
        case session::state::crash: throw std::runtime_error{"a client asked for a crash"};
        case session::state::crash_store:
          coppice::exit(coppice::whereis(store_name),
                        coppice::exit_reason::error("a client asked for a crash"));
          break;
      }
    }
  }
}

}  // namespace keyvalue
