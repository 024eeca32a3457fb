#pragma once

#include <coppice/config.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/io_context.hpp>

#include <string_view>

namespace coppice {

/// Gives the calling process a name, under which it is found as long as it lives.
///
/// The name is free again before anybody hears of the death of its holder.
///
/// @throws boost::system::system_error with `errc::already_started` if a living process holds the
///   name, or if the calling process has a name already; nothing has changed then.
/// @throws std::invalid_argument if the name is empty.
/// @throws std::logic_error outside of processes.
/// @par Complexity
/// Constant.
/// @par Origin
/// `erlang:register/2`.
COPPICE_API void register_name(std::string_view name);

/// Gives up the name of the calling process, if it has one.
COPPICE_API void unregister_name();

/// The living process of that name, or an empty pid.
///
/// @throws std::logic_error outside of processes.
/// @par Origin
/// `erlang:whereis/1`.
[[nodiscard]] COPPICE_API pid whereis(std::string_view name);

/// The same from outside of processes.
[[nodiscard]] COPPICE_API pid whereis(boost::asio::io_context& io, std::string_view name);

}  // namespace coppice
