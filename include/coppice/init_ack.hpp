#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/detail/wait/exit_wait.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/operation.hpp>
#include <coppice/pid.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <utility>

namespace coppice {

/// By which a starting process tells whoever starts it how that went.
///
/// A body that takes one is up when it says `ready()`; until then its supervisor waits and starts
/// nothing else. A body that takes none is up as soon as it is spawned. A body that ends before it
/// has said anything has failed to start, with the reason it ended with.
///
/// A handle, cheap to copy; only of use inside the process it was given to.
///
/// @par Origin
/// `proc_lib:init_ack/1`, `proc_lib:init_fail/2`. Differs: a failing start never signals the
/// starter, whether or not it traps exits.
class COPPICE_API init_ack {
 public:
  /// The process is up. Only the first call counts.
  ///
  /// @param info Handed to whoever called `start_child` or `restart_child`, as
  ///   `started_child::info`. Of any type: who starts the process knows what it says.
  void ready(std::any info = {}) const;

  /// `co_await up.ignore();` ends the process and asks not to be started: not an error. Does not
  /// return.
  /// @par Completion Signature
  /// `void()`, which it never does
  [[nodiscard]] operation<void()> auto ignore() const {
    return detail::deferred_wait<detail::exit_wait>{{&detail::here(), exit_reason::normal(), true}};
  }

  /// `co_await up.fail(reason);` ends the process, its start having failed. Does not return.
  /// @par Completion Signature
  /// `void()`, which it never does
  [[nodiscard]] operation<void()> auto fail(exit_reason reason) const {
    return detail::deferred_wait<detail::exit_wait>{{&detail::here(), std::move(reason)}};
  }

 private:
  friend struct detail::access;

  explicit init_ack(pid self) noexcept : self_{self} {}

  pid self_;
};

}  // namespace coppice
