#pragma once

#include <string>
#include <string_view>

namespace chat {

/// What a request of HTTP is to be answered with.
struct route {
  enum class kind_type {
    page,              ///< The page.
    live,              ///< Whether the program runs: it does.
    ready,             ///< Whether it is up, and has not been asked to stop.
    room,              ///< A WebSocket, in the room of that name.
    upgrade_required,  ///< The address of a room, asked for without a WebSocket.
    wrong_method,
    not_found,
    bad_request,
  };

  kind_type kind = kind_type::not_found;
  std::string room{};
};

/// What is asked of, as far as it matters.
struct request_line {
  std::string_view method;
  std::string_view target;
  bool has_host = true;
  bool is_upgrade = false;  ///< It asks for a WebSocket.
};

[[nodiscard]] route find_route(const request_line& asked);

}  // namespace chat
