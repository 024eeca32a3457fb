#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/overload/acquire_wait.hpp>
#include <coppice/detail/overload/semaphore_core.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/operation.hpp>
#include <coppice/permit.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coppice {

/// Lets so many processes do something at a time; the others wait for their turn.
///
///     coppice::semaphore queries{10};
///
///     const coppice::permit mine = co_await queries.acquire();
///     co_await ask_database();
///
/// Who comes first is served first. A permit comes back when its holder ends, however it does.
///
/// When the semaphore is destroyed, those who wait complete with `operation_aborted`; permits that
/// are out stay good.
///
/// @par Thread safety
/// Only on the loop's thread.
/// @par Origin
/// `std::counting_semaphore`, with permits that give themselves back. OTP has none: there a process
/// that starts others counts them.
class semaphore {
 public:
  /// @throws std::invalid_argument if there is not at least one permit.
  explicit semaphore(std::size_t permits)
      : core_{std::make_shared<detail::semaphore_core>(permits)} {
    if (permits == 0) {
      throw std::invalid_argument{"coppice: a semaphore needs at least one permit"};
    }
  }
  semaphore(semaphore&&) noexcept = default;
  semaphore& operator=(semaphore&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~semaphore() {
    if (core_) core_->close();
  }

  /// `const permit mine = co_await s.acquire();` takes one, waiting until it is free.
  ///
  /// If it is free and nobody waits, a process does not suspend for it; but after 32 in a row
  /// others have a turn.
  ///
  /// @throws std::logic_error outside of processes, and if processes of another io_context use it.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and no permit is lost.
  /// @par Complexity
  /// Constant.
  /// @par Completion Signature
  /// `void(error_code, permit)`
  [[nodiscard]] operation<void(boost::system::error_code, permit)> auto acquire() {
    return detail::deferred_wait<detail::acquire_wait>{{core_, &home()}};
  }

  /// `std::optional<permit> mine = co_await s.acquire(100ms);` waits so long at the most.
  ///
  /// A permit that is free when the time runs out wins.
  ///
  /// @throws std::logic_error outside of processes, and if processes of another io_context use it.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and no permit is lost.
  /// @par Completion Signature
  /// `void(error_code, std::optional<permit>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<permit>)> auto acquire(
      time_limit limit) {
    return detail::deferred_wait<detail::timed_acquire_wait>{{{core_, &home()}, limit}};
  }

  /// Takes one if it is free and nobody waits for one.
  [[nodiscard]] std::optional<permit> try_acquire() {
    if (!core_->take()) return std::nullopt;
    return detail::access::make<permit>(core_);
  }

  /// How many permits are free.
  [[nodiscard]] std::size_t available() const noexcept { return core_->free(); }
  /// How many wait for one.
  [[nodiscard]] std::size_t waiting() const noexcept { return core_->waiting(); }

 private:
  [[nodiscard]] detail::scheduler& home() const {
    detail::scheduler& s = detail::here();
    core_->use_on(s);
    return s;
  }

  std::shared_ptr<detail::semaphore_core> core_;
};

}  // namespace coppice
