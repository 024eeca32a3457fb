#pragma once

#include "room.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/pid.hpp>
#include <coppice/task.hpp>

#include <string>

namespace chat {

/// The supervisor of all rooms, which has none to begin with.
[[nodiscard]] coppice::child_spec make_rooms();

/// Finds the process of a room, or starts one.
///
/// @return Empty if it is away for the moment, or there are too many rooms.
[[nodiscard]] coppice::task<coppice::pid> find_room(std::string name, room_options given);

}  // namespace chat
