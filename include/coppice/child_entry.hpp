#pragma once

#include <coppice/child_policy.hpp>
#include <coppice/pid.hpp>

#include <any>
#include <cstddef>
#include <string>
#include <utility>

namespace coppice {

/// One child, in a listing.
struct child_entry {
  std::string id;        ///< The label of a dynamic child, which need not be unique.
  pid process;           ///< Empty unless the child runs.
  bool restarting = false;   ///< It waits for its next start.
  child_type type = child_type::worker;  ///< Whether it is a supervisor.
  std::size_t restarts = 0;  ///< How often it has been restarted so far.
  bool parked = false;       ///< It is restarting, and its own `restart_limit` is spent.
};

/// How many children there are.
struct child_counts {
  std::size_t specs = 0;        ///< Specs known; 1 under simple_one_for_one.
  std::size_t active = 0;       ///< Children with a living process.
  std::size_t supervisors = 0;  ///< Children that are supervisors, alive or not.
  std::size_t workers = 0;      ///< Children that are not, alive or not.
  /// Children that are parked: without them the supervisor is degraded.
  std::size_t parked = 0;
};

/// A child that was started by call.
struct started_child {
  pid process;    ///< Empty if it asked not to be started (`init_ack::ignore`).
  /// The argument of its `init_ack::ready`; empty if it gave none.
  ///
  /// It may be of any type: the children of one supervisor say different things, and the
  /// supervisor, which hands it on, knows of none of them.
  ///
  /// @par Origin
  /// The `Info` of `{ok, Child, Info}`, a term.
  std::any info;

  /// The same as what it is: `const auto port = child.info_as<std::uint16_t>();`
  ///
  /// @throws std::bad_any_cast if it said nothing, or something of another type.
  template <class T>
  [[nodiscard]] const T& info_as() const& {
    return std::any_cast<const T&>(info);
  }
  template <class T>
  [[nodiscard]] T info_as() && {
    return std::any_cast<T>(std::move(info));
  }
};

}  // namespace coppice
