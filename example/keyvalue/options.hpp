#pragma once

#include <coppice/time_limit.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>

namespace keyvalue {

/// What the command line says; see main.cpp.
struct options {
  /// Where the data is kept; empty: in memory only.
  std::filesystem::path file{};
  boost::asio::ip::tcp::endpoint endpoint{boost::asio::ip::address_v4::loopback(), 6379};
  std::size_t most_clients = 10'000;
  coppice::time_limit timeout = coppice::infinity;
  std::chrono::seconds patience{60};
  std::chrono::seconds drain{5};
  std::optional<std::chrono::microseconds> slow = std::chrono::milliseconds{10};
};

/// @throws std::invalid_argument naming the word that cannot be understood.
options read_options(std::span<char*> words);

}  // namespace keyvalue
