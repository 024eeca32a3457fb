#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace coppice {

/// A strategy that has to be given: leaving it out does not compile.
class required_strategy {
 public:
  constexpr required_strategy(strategy s) noexcept : value_{s} {}
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
  required_strategy strategy;
  restart_intensity intensity{};
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
  std::string name{};
  restart_intensity intensity{};
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
