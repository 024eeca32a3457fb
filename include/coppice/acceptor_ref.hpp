#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/acceptor/acceptor_waits.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/error.hpp>
#include <coppice/operation.hpp>
#include <coppice/supervisor_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <any>
#include <cstddef>
#include <cstdint>

namespace coppice {

/// The counts of an acceptor, from its start on.
struct acceptor_counts {
  std::size_t connections = 0;   ///< There are so many now.
  std::uint64_t accepted = 0;    ///< Those that there were included.
  std::uint64_t times_full = 0;  ///< How often it has paused since there were `max_connections`.
  std::uint64_t shortages = 0;   ///< How often since descriptors or memory had run out.
};

/// An acceptor, found by its name for instance: `coppice::acceptor_ref{"echo"}`.
///
/// It is a supervisor, and takes what those of all kinds take; the children that it has are its
/// listener, and the supervisor of its connections. That one is a `dynamic_supervisor_ref`, by the
/// name of the acceptor with ".connections" behind it.
///
/// What is not an operation throws `errc::noproc` as a boost::system::system_error if there is no
/// such process, and `errc::wrong_type` if it is no acceptor.
///
/// @par Thread safety
/// Only on the loop's thread, or while the loop does not run.
class COPPICE_API acceptor_ref : public supervisor_handle {
 public:
  using supervisor_handle::supervisor_handle;

  /// Where it listens: if it was given port 0, with the port that it has got. The same after it has
  /// been closed, and while its listener is restarted.
  ///
  /// @tparam Endpoint The type of the endpoint that it was made with.
  /// @throws boost::system::system_error also with `errc::wrong_type` if it has one of another
  ///   type, and with `errc::noproc` if it is not up yet.
  template <class Endpoint = asio::ip::tcp::endpoint>
  [[nodiscard]] Endpoint local_endpoint() const {
    if (const auto* endpoint = std::any_cast<Endpoint>(&any_endpoint())) return *endpoint;
    throw boost::system::system_error{make_error_code(errc::wrong_type), "local_endpoint"};
  }

  /// Whether it listens.
  [[nodiscard]] bool is_listening() const;

  /// How many connections there are and have been, and how often it has paused.
  [[nodiscard]] acceptor_counts counts() const;

  /// Stops listening, and keeps the connections. The port is free when this returns; clients who
  /// wait in the queue of the operating system are lost.
  ///
  /// That is for good, also for a listener that is restarted; an acceptor that is restarted listens
  /// again. The connections are asked to stop when the acceptor is, and not before; the time of its
  /// `drain` runs from here on.
  void close() const;

  /// Completes when it is closed, and its last connection has ended; also if the acceptor ends.
  ///
  ///     acceptor.close();
  ///     co_await acceptor.drained(30s);
  ///
  /// @param limit For how long to wait; then fails with `errc::timeout`, and nothing has changed.
  ///
  /// Fails with `errc::noproc` if there is no such process, with `errc::wrong_type` if it is no
  /// acceptor, and with `errc::would_deadlock` in one of its connections.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`.
  /// @par Completion Signature
  /// `void(error_code)`
  [[nodiscard]] operation<void(boost::system::error_code)> auto drained(
      time_limit limit = infinity) const {
    return detail::deferred_wait<detail::acceptor_drained_wait>{{to_, limit}};
  }

 private:
  [[nodiscard]] const std::any& any_endpoint() const;
};

}  // namespace coppice
