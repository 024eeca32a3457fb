#pragma once

#include <coppice/time_limit.hpp>

#include <chrono>
#include <cstddef>

namespace coppice {

/// Says what is done with a child that has spent its `restart_limit`.
enum class when_spent : unsigned char {
  escalate,  ///< Its supervisor gives up, as it does when its own budget is spent.
  drop,      ///< The child stays down for good, and everything else carries on.
  park,      ///< The child stays down, and is tried again from time to time.
};

/// The values of `when_spent`, for short.
inline constexpr when_spent escalate = when_spent::escalate;
inline constexpr when_spent drop = when_spent::drop;
inline constexpr when_spent park = when_spent::park;

/// A restart budget of one child, beside that of its supervisor.
///
///     coppice::worker("mirror", copy_files)
///         .with_restart_limit({.intensity = 3, .period = 1min, .then = coppice::park})
///
/// For a child that others can do without: it may fail as often as it likes, and takes nobody
/// along. A restart beyond `intensity` within `period` is not made; `then` says what is done
/// instead. Restarts that fail are failures like any other; a first start that fails is not tried
/// again, and neither parks nor drops the child (see `restart_backoff`). The restarts spend nothing
/// of the supervisor's budget, unless `counts` says so.
///
/// A child that is dropped is down as one that was terminated: `restart_child` starts it again,
/// with its budget unspent; a temporary or dynamic one is forgotten. Its siblings go on, whatever
/// the strategy is; if it is significant, its end may shut the supervisor down.
///
/// A child that is parked is `restarting` and `parked` in listings, and its supervisor counts it as
/// such. After `probe_after` it is started once, with the siblings that the strategy restarts with
/// it, which have been down as long. If it fails again within `period`, it is parked again at
/// once; if it does not, it has recovered, its budget is unspent, and `child_recovered` is
/// reported. `restart_child` starts it at any time, with its budget unspent, `terminate_child` and
/// `delete_child` end the waiting.
///
/// @par Origin
/// Not in OTP, where a child that keeps failing takes its supervisor down. The probe is that of a
/// half-open circuit breaker.
struct restart_limit {
  /// Of `steady_clock`.
  using duration = std::chrono::steady_clock::duration;

  /// So many restarts are made within `period`.
  std::size_t intensity = 3;
  /// Above zero.
  duration period = std::chrono::seconds{5};
  when_spent then = when_spent::park;  ///< What happens when it is spent.
  /// For how long the child is parked before it is tried again. Above zero; `infinity`: until
  /// somebody restarts it.
  time_limit probe_after = std::chrono::seconds{30};
  /// Whether each restart counts in the supervisor's budget as well.
  bool counts = false;
};

}  // namespace coppice
