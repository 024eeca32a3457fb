#pragma once

#include <coppice/application.hpp>
#include <coppice/config.hpp>
#include <coppice/config_value.hpp>
#include <coppice/run.hpp>
#include <coppice/run_options.hpp>
#include <coppice/supervisor_spec.hpp>

#include <boost/asio/io_context.hpp>

#include <string>
#include <vector>

namespace coppice {

/// How a program that consists of applications is run.
struct program_options {
  /// Under which it appears in reports, and its root supervisor is registered. Empty: it has none.
  std::string name{};
  /// What is set of the environments of applications, by their names: `read_toml("shop.toml")`, for
  /// instance. One that sets a key which its application does not have is refused.
  coppice::configuration configuration{};
  /// Whether environment variables come over that: `SHOP_PORT` for the key `port` of an application
  /// `shop`, `SHOP_DATABASE_HOST` for its key `database.host`: letters are capitals, and what is
  /// neither a letter nor a digit is `_`. Texts are taken as they stand, and everything else is
  /// written as in TOML. Only keys that are there are looked for; lists and tables have none.
  bool environment_variables = true;
  /// How the program behaves towards those outside of it, as for `run`.
  run_options run{};
};

/// Runs a program that consists of applications, until one of them ends it, or SIGINT or SIGTERM
/// asks it to stop.
///
/// Each is started after those that it needs, as `application_spec::type` says; and stopped in the
/// reverse order, in the last phase of a stop (see `run`). If one that is not temporary does not
/// start, or ends in a way that its type does not forgive, all others are stopped, and the program
/// ends with `exit_start_failed` or `exit_gave_up`.
///
/// What breaks a rule is told on stderr, and ends the program with `exit_bad_spec` before anything
/// has started: a name that is empty or in use, an application that is needed and not there, some
/// that need each other, a configuration that does not fit.
///
/// @return One of `exit_code`, or what `stop_program` was given.
/// @par Origin
/// An OTP release: its applications are started by the boot script, and `init:stop/0` stops them.
COPPICE_API int run_applications(std::vector<application_spec> applications,
                                 program_options options = {});
/// The same on an io_context of the caller's; see `run`.
COPPICE_API int run_applications(boost::asio::io_context& io,
                                 std::vector<application_spec> applications,
                                 program_options options = {});

/// The tree that `run_applications` runs, to be started in another way: by `start_supervisor` in a
/// test in virtual time, for instance. The applications are loaded on the io_context when it starts,
/// and are up when it is. One such tree runs on an io_context.
///
/// @throws std::invalid_argument if something breaks a rule.
/// @throws config_error if the configuration does.
[[nodiscard]] COPPICE_API supervisor_spec
applications_spec(std::vector<application_spec> applications, program_options options = {});

}  // namespace coppice
