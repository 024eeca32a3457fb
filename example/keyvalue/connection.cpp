#include "connection.hpp"

#include "output.hpp"
#include "session.hpp"

#include <coppice/controlling_process.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>

namespace keyvalue {

namespace asio = boost::asio;

namespace {

// As many buffers as a slice of output has pieces.
using buffers = std::array<asio::const_buffer, reply_buffer::most_pieces>;

buffers to_buffers(std::span<const std::string_view> pieces) {
  buffers result;
  for (std::size_t i = 0; i < pieces.size(); ++i) result[i] = asio::buffer(pieces[i]);
  return result;
}

}  // namespace

asio::awaitable<void, coppice::executor> serve(socket_type socket, common& all) {
  // It was the acceptor's.
  coppice::controlling_process(socket);
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
  socket.non_blocking(true);

  session client{coppice::self().number(), all.under_way};
  while (true) {
    const std::span<char> room = client.room();
    // A client that hangs up, or a stop, is the ordinary end of a connection.
    const auto [failed, size] = co_await socket.async_read_some(
        asio::buffer(room.data(), room.size()), asio::as_tuple(asio::deferred));
    if (failed) co_return;
    client.received(size);

    session::state state = session::state::busy;
    while (state != session::state::idle) {
      state = client.work(all.store.get());
      while (true) {
        const auto pieces = client.output();
        if (pieces.empty()) break;
        // Most replies fit into the socket's buffer, and need not be waited for.
        boost::system::error_code unsent;
        client.sent(socket.write_some(to_buffers(pieces), unsent));
        if (unsent == asio::error::would_block) {
          const bool writable = co_await until_writable(socket, client, all.patience);
          if (!writable) co_return;
        } else if (unsent) {
          co_return;
        } else if (!client.output().empty()) {
          co_await coppice::yield();
        }
      }
      switch (state) {
        case session::state::idle: break;
        case session::state::busy: co_await coppice::yield(); break;
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
