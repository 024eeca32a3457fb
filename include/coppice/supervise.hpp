#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/in_place.hpp>
#include <coppice/detail/supervisor/supervising_wait.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/init_ack.hpp>
#include <coppice/operation.hpp>
#include <coppice/supervisor_end.hpp>
#include <coppice/supervisor_spec.hpp>

#include <boost/system/error_code.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace coppice {

/// A process that is a supervisor for as long as this lives in its body, or until it has come to
/// its end as one. Made by `supervise`.
///
/// If this is destroyed before that, its children go on unsupervised, and go with the process.
class COPPICE_API supervising {
 public:
  /// `const coppice::supervisor_end end = co_await life.end();` carries out what a supervisor does,
  /// and completes when all children have ended. The process is no supervisor from then on.
  ///
  /// For a named object only, since what `supervise` is given would stand in the awaited expression
  /// otherwise, where g++ 12 destroys it twice.
  /// @par Cancellation
  /// Any type. A request to stop that the process gets is none: it stops the supervisor. The body
  /// waits no longer; nothing is restarted or answered until this is awaited again.
  /// @par Completion Signature
  /// `void(error_code, supervisor_end)`
  [[nodiscard]] operation<void(boost::system::error_code, supervisor_end)> auto end() & {
    return detail::deferred_wait<detail::supervising_wait>{{state_}};
  }
  template <class Never = void>
  auto end() && {
    static_assert(
        detail::never<Never>,
        "becoming a supervisor and awaiting its end are two statements (g++ 12 destroys twice "
        "what stands in an awaited expression): `auto life = coppice::supervise(...); "
        "co_await life.end();`");
  }

 private:
  friend COPPICE_API supervising supervise(supervisor_spec, std::function<void()>);

  explicit supervising(std::shared_ptr<detail::supervising_state> s) noexcept
      : state_{std::move(s)} {}

  std::shared_ptr<detail::supervising_state> state_;
};

/// Turns the calling process into a supervisor, until that is over: for a body that has something
/// to do before its children start, or after they have ended. An `asio::awaitable` or a
/// `coppice::task`.
///
///     asio::awaitable<void> office(coppice::init_ack up) {
///       co_await open_database();
///       auto life = coppice::supervise({.name = "office", ...}, up);
///       const coppice::supervisor_end end = co_await life.end();
///       co_await close_database();
///       co_await coppice::exit(end.reason);      // as a supervisor ends
///     }
///
/// The first child is being started when this returns. While `end()` is awaited, the process is
/// stopped and asked like any supervisor.
///
/// @param booted Called when the static children are up. May be empty.
/// @throws std::invalid_argument naming the rule that the spec breaks; nothing has started then.
/// @throws std::logic_error outside of processes.
/// @throws name_taken if another process has its name.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// `gen_server:enter_loop/3`, for a supervisor.
[[nodiscard]] COPPICE_API supervising supervise(supervisor_spec spec,
                                                std::function<void()> booted = {});

/// The same for a process that acknowledges its start: that is up when its static children are.
[[nodiscard]] COPPICE_API supervising supervise(supervisor_spec spec, init_ack up);

}  // namespace coppice
