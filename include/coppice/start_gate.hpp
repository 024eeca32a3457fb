#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace coppice {

/// Something that has to be there before a child is started: see `ready_of`.
class start_gate {
 public:
  /// Open while a process of that registered name is ready.
  explicit start_gate(std::string name) noexcept : name_{std::move(name)} {}

  /// The name for which it waits, or under which it is told.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
};

/// A gate that is open while somebody has that name and is ready: has acknowledged its start, if it
/// is one who does that, as servers and supervisors do.
///
///     coppice::server<cache>("cache").starts_when(coppice::ready_of("database"))
///
/// While a gate of a child is closed, the child is not started, neither for the first time nor
/// again: its supervisor goes on without it, and starts it when all its gates are open. It is
/// `restarting` in listings so long, and `child_held_back` is reported. That spends nothing of any
/// budget. So a child that needs another one does not crash for want of it, wherever in the tree
/// that is. A gate that closes while the child runs does nothing.
///
/// `restart_child` starts it in any case. `start_child` of such a child succeeds, and gives an
/// empty pid.
///
/// @param name As given to `register_name`; the name of a server or a supervisor.
[[nodiscard]] inline start_gate ready_of(std::string_view name) {
  return start_gate{std::string{name}};
}

}  // namespace coppice
