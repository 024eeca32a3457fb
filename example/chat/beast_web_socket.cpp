#include "beast_web_socket.hpp"

#include "as_result.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

namespace chat {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_frame = 2048;

class beast_web_socket final : public web_socket {
 public:
  explicit beast_web_socket(beast::tcp_stream stream) : stream_{std::move(stream)} {
    // From here on the limits are those of the WebSocket. A client that says nothing is asked by a
    // ping whether it is there.
    beast::get_lowest_layer(stream_).expires_never();
    stream_.set_option(websocket::stream_base::timeout{
        .handshake_timeout = 10s, .idle_timeout = 60s, .keep_alive_pings = true});
    stream_.read_message_max(longest_frame);
    stream_.text(true);
  }

  coppice::task<bool> accept(const auto& request) {
    const auto [failed] = co_await stream_.async_accept(request, as_result);
    co_return !failed;
  }

  coppice::task<std::optional<std::string>> read() override {
    beast::flat_buffer buffer;
    const auto [failed, size] = co_await stream_.async_read(buffer, as_result);
    if (failed) co_return std::nullopt;
    if (stream_.got_text()) co_return beast::buffers_to_string(buffer.data());
    co_await stream_.async_close(websocket::close_code::unknown_data, as_result);
    co_return std::nullopt;
  }

  coppice::task<bool> write(std::string_view text) override {
    const auto [failed, size] = co_await stream_.async_write(asio::buffer(text), as_result);
    co_return !failed;
  }

  coppice::task<> close(close_code why) override {
    const websocket::close_reason reason{static_cast<websocket::close_code>(why)};
    co_await stream_.async_close(reason, as_result);
  }

 private:
  websocket::stream<beast::tcp_stream> stream_;
};

}  // namespace

coppice::task<std::shared_ptr<web_socket>> accept_web_socket(
    beast::tcp_stream stream, beast::http::request<beast::http::string_body> request) {
  auto socket = std::make_shared<beast_web_socket>(std::move(stream));
  auto accepting = socket->accept(request);
  const bool accepted = co_await std::move(accepting);
  if (!accepted) co_return nullptr;
  co_return socket;
}

}  // namespace chat
