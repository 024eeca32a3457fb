#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace coppice {

/// A pause before each restart of a child, which grows while it keeps failing.
///
///     coppice::worker("database", connect).with_backoff({.min = 100ms, .max = 30s})
///
/// For a child that needs something which may be down for a while: started again at once, it would
/// fail again at once, spend its supervisor's budget within milliseconds, and take its siblings
/// along. Such a restart spends nothing of the budget, unless `counts` says so.
///
/// The first pause is `min`, each further one `factor` times as long, up to `max`. A restart that
/// fails is a failure like any other. A run of `reset_after` begins anew, with `min`.
///
/// A first start is not tried again: if a child fails while its supervisor starts, so does that.
/// Nor is a start that somebody asks for, by `start_child` or `restart_child`: it fails there. The
/// start of a child that a `start_gate` has held back counts as a restart here.
///
/// While it waits, the child is `restarting` in listings. `terminate_child` ends the pause and the
/// child stays down; `restart_child` starts it now, `delete_child` forgets it. Siblings that the
/// strategy restarts with it (one_for_all, rest_for_one) are stopped when the child has ended, and
/// start when the pause is over.
///
/// @par Origin
/// OTP restarts at once, always; most of those who use it have written something like this.
struct restart_backoff {
  /// Of `steady_clock`.
  using duration = std::chrono::steady_clock::duration;

  /// Above zero.
  duration min = std::chrono::milliseconds{200};
  /// Not below `min`.
  duration max = std::chrono::seconds{30};
  /// At least 1, which makes all pauses alike.
  double factor = 2;
  /// By which part of itself a pause is shorter or longer at the most, from 0 to 1: so that those
  /// who have lost the same thing do not come back at the same moment. `max` is never exceeded.
  double jitter = 0.2;
  /// Above zero. A run as long as `max` if it is not given.
  std::optional<duration> reset_after{};
  /// The seed of what is drawn for `jitter`. A child with the same seed and id has the same pauses
  /// again; without a seed, others each time.
  std::optional<std::uint64_t> seed{};
  /// Whether each restart counts in the supervisor's budget, as restarts without a pause do.
  bool counts = false;
};

}  // namespace coppice
