#pragma once

#include "room.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <optional>
#include <span>

namespace chat {

/// What the command line says; see main.cpp.
struct options {
  boost::asio::ip::tcp::endpoint endpoint{boost::asio::ip::address_v4::loopback(), 8080};
  bool faults = false;
  room_options room{};
  std::chrono::seconds patience{10};
  std::chrono::seconds settle{0};
};

/// @return Nothing if they cannot be understood.
[[nodiscard]] std::optional<options> read_options(std::span<char*> words);

}  // namespace chat
