#include "output.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <tuple>
#include <utility>

namespace keyvalue {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;
using timer_type = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, coppice::executor>;

enum class news : unsigned char { writable, readable, gone };

// The first of them that happens.
template <class... Waits>
asio::awaitable<news, coppice::executor> first_of(Waits... waits) {
  auto together = asio::experimental::make_parallel_group(std::move(waits)...);
  auto waiting = together.async_wait(asio::experimental::wait_for_one(), asio::deferred);
  const auto result = co_await std::move(waiting);
  const std::array errors =
      std::apply([](auto&&, auto... ec) { return std::array{ec...}; }, result);
  const std::size_t first = std::get<0>(result)[0];
  if (errors[first] || first == 1) co_return news::gone;
  co_return first == 0 ? news::writable : news::readable;
}

// False if there is nothing to read any more.
bool read_some(socket_type& socket, session& client) {
  const std::span<char> room = client.room();
  boost::system::error_code failed;
  const std::size_t size = socket.read_some(asio::buffer(room.data(), room.size()), failed);
  client.received(size);
  return !failed || failed == asio::error::would_block;
}

}  // namespace

asio::awaitable<bool, coppice::executor> until_writable(socket_type& socket, session& client,
                                                        clock::duration patience) {
  timer_type late{socket.get_executor(), patience};
  bool reads = true;
  while (true) {
    reads = reads && !client.room().empty();
    auto writable = socket.async_wait(socket.wait_write, asio::deferred);
    auto too_late = late.async_wait(asio::deferred);
    news what = news::gone;
    if (reads) {
      auto readable = socket.async_wait(socket.wait_read, asio::deferred);
      what = co_await first_of(std::move(writable), std::move(too_late), std::move(readable));
    } else {
      what = co_await first_of(std::move(writable), std::move(too_late));
    }
    if (what != news::readable) co_return what == news::writable;
    // A client that has said all may still listen.
    reads = read_some(socket, client);
  }
}

}  // namespace keyvalue
