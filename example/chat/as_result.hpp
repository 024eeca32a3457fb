#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

namespace chat {

/// Has an operation tell its error with its result: what clients do is no exception.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::deferred);

}  // namespace chat
