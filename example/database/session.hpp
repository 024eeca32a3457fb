#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace orders {

/// The process of one client: answers its lines, one after the other, until it hangs up.
boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);

}  // namespace orders
