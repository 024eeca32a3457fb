#pragma once

#include <string>
#include <string_view>

namespace chat {

/// Whether a room may be called so: 1 to 32 of the characters a-z, 0-9 and '-'.
[[nodiscard]] bool is_room_name(std::string_view text);

/// Whether a user may be called so: 1 to 32 bytes, letters of any script, digits, '-' and '_'.
[[nodiscard]] bool is_nick(std::string_view text);

/// The names of processes. The supervisor of a room has its name also while the room is away.
inline constexpr const char* tree_name = "chat";
inline constexpr const char* rooms_name = "chat.rooms";
inline constexpr const char* clients_name = "chat.clients";
[[nodiscard]] std::string room_supervisor_name(std::string_view room);
[[nodiscard]] std::string room_process_name(std::string_view room);

}  // namespace chat
