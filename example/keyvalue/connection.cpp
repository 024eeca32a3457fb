#include "connection.hpp"

#include "fault.hpp"
#include "kept_store.hpp"
#include "output.hpp"
#include "session.hpp"
#include "slow_log_client.hpp"
#include "slow_log_server.hpp"

#include <coppice/process.hpp>
#include <coppice/with_deadline.hpp>

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
#include <tuple>
#include <utility>

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
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
  socket.non_blocking(true);

  session client{coppice::self().number(), all.under_way, {}, all.given.slow};
  connection_list::entry here{all.connections, socket};
  // Accepted just before the acceptor was stopped, since there is no store any more.
  if (all.store.get() == nullptr) co_return;
  while (true) {
    const std::span<char> room = client.room();
    const auto buffer = asio::buffer(room.data(), room.size());
    const bool idle = client.is_between_requests();
    boost::system::error_code failed;
    std::size_t size = 0;
    if (idle && all.connections.is_finishing()) {
      // What has arrived by now is still answered.
      size = socket.read_some(buffer, failed);
    } else {
      here.set_idle(idle);
      auto reading =
          coppice::with_deadline(socket.async_read_some(buffer, asio::deferred), all.given.timeout);
      std::tie(failed, size) = co_await std::move(reading)(asio::as_tuple(asio::deferred));
      here.set_idle(false);
      if (failed && idle && all.connections.is_finishing()) continue;
    }
    // A client that hangs up or says nothing, or a stop, is the ordinary end of a connection.
    if (failed) co_return;
    client.received(size);

    session::state state = session::state::busy;
    while (state != session::state::idle) {
      state = client.work(all.store.get());
      if (client.has_slow_commands()) tell_slow_log(client.slow_commands(), socket);
      bool has_heard_more = false;  // while its client was slow to take the answers
      // No answer tells of what is not on disk: neither that it was written, nor what it is.
      if (!all.store.is_kept()) {
        auto keeping = until_kept();
        const bool kept = co_await std::move(keeping);
        if (!kept) co_return;
      }
      while (true) {
        const auto pieces = client.output();
        if (pieces.empty()) break;
        // Most replies fit into the socket's buffer, and need not be waited for.
        boost::system::error_code unsent;
        client.sent(socket.write_some(to_buffers(pieces), unsent));
        if (unsent == asio::error::would_block) {
          auto waiting = until_writable(socket, client, all.given.patience);
          const bool writable = co_await std::move(waiting);
          if (!writable) co_return;
          has_heard_more = true;
        } else if (unsent) {
          co_return;
        } else if (!client.output().empty()) {
          co_await coppice::yield();
        }
      }
      switch (state) {
        case session::state::idle:
          if (has_heard_more) state = session::state::busy;
          break;
        case session::state::busy: co_await coppice::yield(); break;
        case session::state::finished: co_return;
        case session::state::crash: throw std::runtime_error{"a client asked for a crash"};
        case session::state::crash_store: crash(store_name); break;
        case session::state::crash_slow_log: crash(slow_log_name); break;
        case session::state::crash_any: kill_one(all.io, client.drawn()); break;
        case session::state::ask_slow_log: {
          auto asking = ask_slow_log(client);
          co_await std::move(asking);
          break;
        }
      }
    }
  }
}

}  // namespace keyvalue
