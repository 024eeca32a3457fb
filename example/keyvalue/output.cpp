#include "output.hpp"

#include <coppice/deadline.hpp>
#include <coppice/with_deadline.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace keyvalue {

namespace asio = boost::asio;

namespace {

// False if there is nothing to read any more.
bool read_some(socket_type& socket, session& client) {
  const std::span<char> room = client.room();
  boost::system::error_code failed;
  const std::size_t size = socket.read_some(asio::buffer(room.data(), room.size()), failed);
  client.received(size);
  return !failed || failed == asio::error::would_block;
}

}  // namespace

asio::awaitable<bool, coppice::executor> until_writable(
    socket_type& socket, session& client, std::chrono::steady_clock::duration patience) {
  const coppice::deadline too_late{std::chrono::steady_clock::now() + patience};
  while (!client.room().empty()) {
    auto both = asio::experimental::make_parallel_group(
        socket.async_wait(socket.wait_write, asio::deferred),
        socket.async_wait(socket.wait_read, asio::deferred));
    auto first = both.async_wait(asio::experimental::wait_for_one(), asio::deferred);
    auto waiting = coppice::with_deadline(std::move(first), too_late);
    const auto [order, unwritable, unreadable] = co_await std::move(waiting);
    if (order[0] == 0 || unreadable) co_return !unwritable;
    // A client that has said all may still listen.
    if (!read_some(socket, client)) break;
  }
  auto writable = socket.async_wait(socket.wait_write, asio::deferred);
  auto waiting = coppice::with_deadline(std::move(writable), too_late);
  const auto [failed] = co_await std::move(waiting)(asio::as_tuple(asio::deferred));
  co_return !failed;
}

}  // namespace keyvalue
