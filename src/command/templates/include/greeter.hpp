#pragma once

#include <boost/asio/awaitable.hpp>

#include <ostream>

namespace @module@ {

/// A child to begin with: a process that greets once a second, for ever. Its name is "greeter".
///
/// @param out Where it greets. Must outlive the process.
boost::asio::awaitable<void> greeter(std::ostream& out);

}  // namespace @module@
