#pragma once

#include <coppice/task.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

/// Why a WebSocket is closed: the codes of RFC 6455.
enum class close_code : std::uint16_t {
  going_away = 1001,
  try_again_later = 1013,
};

/// The WebSocket of a client. One process reads, another one writes and closes.
///
/// What there is to Beast is behind this, in beast_web_socket.cpp: that is slow to compile.
class web_socket {
 public:
  virtual ~web_socket() = default;

  /// The next frame of text; nothing if the client has gone, or has broken the protocol.
  virtual coppice::task<std::optional<std::string>> read() = 0;

  /// @param text Lives until the end of the task.
  /// @return False if the client has gone.
  virtual coppice::task<bool> write(std::string_view text) = 0;

  /// Sends a close frame, and waits until somebody who reads has got the client's. With nobody who
  /// reads it waits for ever.
  virtual coppice::task<> close(close_code why) = 0;
};

}  // namespace chat
