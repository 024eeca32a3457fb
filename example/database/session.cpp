#include "session.hpp"

#include "requests.hpp"

#include <coppice/controlling_process.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace orders {

namespace asio = boost::asio;

asio::awaitable<void> serve(asio::ip::tcp::socket socket) {
  constexpr auto as_result = asio::as_tuple(asio::deferred);
  constexpr std::size_t longest_line = 512;

  // It was the listener's.
  coppice::controlling_process(socket);
  std::string input;
  while (true) {
    auto room = asio::dynamic_buffer(input, longest_line);
    // A client that hangs up, or a stop, is the ordinary end of a session.
    const auto [ended, size] = co_await asio::async_read_until(socket, room, '\n', as_result);
    if (ended) co_return;
    std::string line = input.substr(0, size);
    input.erase(0, size);

    std::string reply = co_await answer(std::move(line));
    reply += '\n';
    const auto [lost, sent] = co_await asio::async_write(socket, asio::buffer(reply), as_result);
    if (lost) co_return;
  }
}

}  // namespace orders
