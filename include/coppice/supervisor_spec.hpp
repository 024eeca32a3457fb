#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace coppice {

/// A strategy that has to be given: leaving it out does not compile.
class required_strategy {
 public:
  /// That strategy.
  constexpr required_strategy(strategy s) noexcept : value_{s} {}
  /// The strategy that was given.
  constexpr operator coppice::strategy() const noexcept { return value_; }

 private:
  coppice::strategy value_;
};

/// A supervisor: which children it has, and what it does when one ends.
///
/// @par Origin
/// OTP supervisor flags and child specs; the defaults are Elixir's (3 restarts in 5 s).
struct supervisor_spec {
  /// Under which it is registered and appears in reports. Empty: not registered.
  std::string name{};
  required_strategy strategy;  ///< Which children are restarted when one has to be.
  /// So many restarts are forgiven within a period: the one after them is not made, and the
  /// supervisor gives up. 0 forgives none.
  ///
  /// Up to 256 are counted exactly. Beyond that a restart counts for the period or up to 0.4 %
  /// less, so that no budget takes more than 4 KiB: the supervisor may forgive a little more, and
  /// never less.
  ///
  /// @par Origin
  /// OTP keeps the time of every restart within the period.
  std::size_t intensity = 3;
  /// For how long a restart counts. Above zero. What is too long for the clock to show its end
  /// never runs out: such a restart counts for ever.
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
  /// Whether it ends when significant children have.
  coppice::auto_shutdown auto_shutdown = coppice::auto_shutdown::never;
  /// Started in this order, each after the one before it is up; stopped in reverse. For
  /// simple_one_for_one: exactly one, the template.
  std::vector<child_spec> children{};
};

/// A supervisor that starts empty and gets its children one by one, in any number.
///
/// @par Origin
/// Elixir's DynamicSupervisor.
struct dynamic_supervisor_spec {
  std::string name{};  ///< Registered under this name; empty: under none.
  /// As in `supervisor_spec`.
  std::size_t intensity = 3;
  /// For how long a restart counts; above zero.
  std::chrono::steady_clock::duration period = std::chrono::seconds{5};
  /// More are refused with `errc::max_children`. Children that are restarting count.
  std::size_t max_children = std::numeric_limits<std::size_t>::max();
};

/// Checks a supervisor's spec, its children included, without starting anything.
///
/// @throws std::invalid_argument naming the supervisors from this one down, the child, and the rule
///   that is broken.
COPPICE_API void check(const supervisor_spec& spec);
COPPICE_API void check(const dynamic_supervisor_spec& spec);

}  // namespace coppice
