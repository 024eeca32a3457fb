#pragma once

#include <coppice/mailbox.hpp>

#include <any>
#include <functional>
#include <string>
#include <typeinfo>
#include <utility>

namespace coppice {

/// Where the state of a server outlives it. Made by `in_stash`.
struct state_place {
  /// Name of the stash. Empty: nowhere but with the supervisor's child, from one incarnation to the
  /// next.
  std::string stash{};
  /// To what the stash keeps and back, unless that is the state itself.
  std::function<std::any(const std::any&)> encode{};
  std::function<std::any(const std::any&)> decode{};  ///< The way back.
  /// The type of state that `encode` takes; null: any.
  const std::type_info* type = nullptr;
};

/// The options of a server, beside its class and arguments.
struct server_options {
  /// How many messages may wait, and what happens to one too many. Exit signals, the ends of what
  /// is monitored, requests to stop, and the steps of `this_server::continue_with` find room
  /// always.
  mailbox_options mailbox{};
  /// For classes with `state()` and `restore()`: where the state goes when the server ends. It
  /// needs a name then.
  state_place state{};
  /// After so many crashes in a row with the same state the next incarnation starts without it. At
  /// least 1. An end in order between two crashes begins a new row; kills do not count. The default
  /// leaves the last of the restarts that supervisors allow by default to a fresh start.
  unsigned same_state_crashes = 3;
};

}  // namespace coppice
