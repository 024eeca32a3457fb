#pragma once

#include "connection.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace orders {

/// The name of the server below, which it has while it is connected.
inline constexpr const char* database_name = "database";

/// The server that holds the one connection to the database, and ends when that is lost.
///
/// It is up before it is connected, and takes its name when it is. So whoever calls it while there
/// is no connection hears of that at once, by `errc::noproc`, and whoever waits for an answer when
/// the connection is lost, by `errc::died`.
class database {
 public:
  /// Takes an order, under a number of the client's choice: sent twice, it is still one order.
  struct take_order {
    using reply = std::string;  ///< The item that is kept under that number.
    std::int64_t number;
    std::string item;
  };
  struct find_order {
    using reply = std::optional<std::string>;
    std::int64_t number;
  };

  /// @param where, patience As for a `connection`.
  database(std::string where, std::chrono::steady_clock::duration patience)
      : where_{std::move(where)}, patience_{patience} {}

  void init();
  boost::asio::awaitable<std::string> handle(take_order m);
  boost::asio::awaitable<std::optional<std::string>> handle(find_order m);

  /// What it tells itself.
  struct connect {};
  struct heard {};
  boost::asio::awaitable<void> handle(connect);
  void handle(heard);

 private:
  void listen();

  std::string where_;
  std::chrono::steady_clock::duration patience_;
  std::optional<connection> connection_;
};

}  // namespace orders
