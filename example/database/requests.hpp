#pragma once

#include <boost/asio/awaitable.hpp>

#include <string>

namespace orders {

/// Answers what a client asks for, a line, by another line:
///
/// - `price ITEM` needs no database.
/// - `order NUMBER ITEM` and `show NUMBER` do: while there is none the answer is "unavailable, try
///   again".
boost::asio::awaitable<std::string> answer(std::string line);

}  // namespace orders
