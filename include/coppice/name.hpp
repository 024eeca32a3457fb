#pragma once

#include <coppice/config.hpp>
#include <coppice/pid.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <string_view>

namespace coppice {

/// Thrown when a name is asked for that is not to be had; its code is `errc::already_started`.
///
/// A child that lets it pass has failed to start, and whoever started it is told the holder.
///
/// @par Origin
/// `{error, {already_started, Pid}}`.
class COPPICE_API name_taken : public boost::system::system_error {
 public:
  /// Who was asked for the name, and who has it.
  name_taken(const std::string& name, const pid& holder);
  ~name_taken() override;

  /// The process that has the name. Empty if nobody has: then it is the asking process that has
  /// another one.
  [[nodiscard]] const pid& holder() const noexcept { return holder_; }

 private:
  pid holder_;
};

/// Gives the calling process a name, under which it is found as long as it lives.
///
/// The name is free again before anybody hears of the death of its holder.
///
/// @throws name_taken if a living process holds the name, or if the calling process has a name
///   already; nothing has changed then.
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
