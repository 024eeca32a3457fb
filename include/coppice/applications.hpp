#pragma once

#include <coppice/application.hpp>
#include <coppice/application_env.hpp>
#include <coppice/child_policy.hpp>
#include <coppice/config.hpp>
#include <coppice/config_value.hpp>
#include <coppice/detail/application/application_controller.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/pending_call.hpp>
#include <coppice/pid.hpp>
#include <coppice/supervisor_spec.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {

// What a program does with its applications while it runs. All of it is for the loop's thread, and
// those without an io_context for processes alone: others throw std::logic_error.

/// An application on its way up. The start is under way whether or not this is kept.
class application_start {
 public:
  /// `std::vector<std::string> started = co_await starting.ready();` gives the applications that
  /// were started for it, in that order.
  ///
  /// Fails with
  /// - `errc::already_started`, if it runs (`start_application`);
  /// - `errc::not_found`, if no application of that name is loaded;
  /// - `errc::not_started`, if one that it needs is not;
  /// - `errc::start_failed`, if it did not come up. `failure()` says why, as in the other cases;
  /// - `errc::noproc`, if no applications run on this io_context, or they are being stopped.
  /// @par Cancellation
  /// Any type. The start goes on.
  /// @par Completion Signature
  /// `void(error_code, std::vector<std::string>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::vector<std::string>)> auto ready() {
    return request_.receive_response();
  }
  /// Why it failed, in words and, of a start function or a child that threw, with its exception
  /// nested in others that lead to it. Normal before that.
  [[nodiscard]] const exit_reason& failure() const noexcept { return *failure_; }

 private:
  friend struct detail::access;

  application_start(pending_call<std::vector<std::string>> request,
                    std::shared_ptr<const exit_reason> failure) noexcept
      : request_{std::move(request)}, failure_{std::move(failure)} {}

  pending_call<std::vector<std::string>> request_;
  std::shared_ptr<const exit_reason> failure_;
};

/// Starts an application. Those that it needs have to be started.
///
/// Several starts of one application at a time are one, and all of them hear the same.
///
/// @param type What its end means; see `application_spec::type`. If the start of a permanent one
///   fails, the program ends.
/// @par Origin
/// `application:start/2`.
[[nodiscard]] COPPICE_API application_start start_application(std::string name,
                                                              restart type = temporary);

/// The same, and fine if it runs already: `ready()` gives no names then.
///
/// @par Origin
/// Elixir's `Application.ensure_started/2`.
[[nodiscard]] COPPICE_API application_start ensure_started(std::string name,
                                                           restart type = temporary);

/// Starts applications, and before each what it needs, depth first. Those that run are left out. If
/// one fails, those that were started for this are stopped again, in reverse.
///
/// @par Origin
/// `application:ensure_all_started/2`.
[[nodiscard]] COPPICE_API application_start ensure_all_started(std::vector<std::string> names,
                                                               restart type = temporary);
[[nodiscard]] COPPICE_API application_start ensure_all_started(std::string name,
                                                               restart type = temporary);

/// `co_await coppice::stop_application("shop");` stops one application, and completes when all of it
/// is gone. Others go on, also those that need it, whatever its type.
///
/// A process of that application may ask, too: it does not hear the answer, since it is stopped.
///
/// Fails with `errc::not_started` if it is not up, be it on the way up; and with `errc::noproc`.
/// @par Origin
/// `application:stop/1`.
/// @par Completion Signature
/// `void(error_code)`
[[nodiscard]] inline operation<void(boost::system::error_code)> auto stop_application(
    std::string name) {
  return detail::controller()
      .call<detail::application_controller::stop_request>(std::move(name))
      .within(infinity);
}

/// Makes an application known, so that it can be started.
///
/// @throws std::invalid_argument if it has no name, if one of that name is loaded, or if it needs
///   itself.
/// @throws config_error if what the configuration says of it breaks a rule.
/// @par Origin
/// `application:load/1`.
COPPICE_API void load_application(application_spec spec);
COPPICE_API void load_application(boost::asio::io_context& io, application_spec spec);

/// Forgets an application that does not run.
///
/// @throws std::invalid_argument if none of that name is loaded, or if it runs.
/// @par Origin
/// `application:unload/1`.
COPPICE_API void unload_application(std::string_view name);

/// The environment of an application that is loaded.
///
/// @throws std::invalid_argument if there is none of that name.
[[nodiscard]] COPPICE_API application_env env_of(std::string_view name);
[[nodiscard]] COPPICE_API application_env env_of(boost::asio::io_context& io,
                                                 std::string_view name);

/// One of the applications of an io_context.
struct application_info {
  /// What it does at the moment.
  enum class state_type : unsigned char {
    loaded,    ///< It does not run.
    starting,  ///< Its tree is on the way up.
    running,   ///< It is started.
    stopping,  ///< It has been asked to stop, and is not down.
  };

  std::string name;                       ///< As in its spec.
  std::string description;                ///< As in its spec.
  std::string version;                    ///< As in its spec.
  state_type state = state_type::loaded;  ///< What it does now.
  restart type = temporary;               ///< Of meaning while it runs.
  pid top{};                              ///< Its top supervisor; empty while it has none.
};

/// The applications that are loaded, in the order in which they were.
///
/// @par Origin
/// `application:which_applications/0` and `loaded_applications/0`.
[[nodiscard]] COPPICE_API std::vector<application_info> which_applications();
[[nodiscard]] COPPICE_API std::vector<application_info> which_applications(
    boost::asio::io_context& io);

}  // namespace coppice
