#include "reader.hpp"

#include "as_result.hpp"
#include "user.hpp"

#include <coppice/error.hpp>
#include <coppice/process.hpp>
#include <coppice/server_ref.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace chat {


coppice::task<> read_frames(std::shared_ptr<web_socket> socket, coppice::pid to) {
  const coppice::server_ref<user> owner{to};
  while (true) {
    auto reading = socket->read();
    std::optional<std::string> text = co_await std::move(reading);
    if (!text) break;
    const user::frame message{std::move(*text)};
    while (true) {
      auto handing = owner.call(message, coppice::infinity);
      const auto [failed] = co_await std::move(handing)(as_result);
      // Its queue is full of lines for the client, which are being written.
      if (failed != coppice::errc::overloaded) break;
      co_await coppice::sleep_for(std::chrono::milliseconds{10});
    }
  }
  owner.cast(user::gone{});
}

}  // namespace chat
