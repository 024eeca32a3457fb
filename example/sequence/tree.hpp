#pragma once

#include <coppice/supervisor.hpp>

namespace sequence {

class user_interface;

inline constexpr const char* tree_name = "Sequence";
inline constexpr const char* supervisor_name = "Sequence.Supervisor";
inline constexpr const char* stash_name = "Sequence.Stash";
inline constexpr const char* server_name = "Sequence.Server";
inline constexpr const char* shell_name = "Sequence.Shell";
inline constexpr const char* console_name = "Sequence.Console";

inline constexpr long long first_number = 123;

/// Everything that runs, as `main.cpp` draws it.
///
/// @param stashed Whether the number outlives its server.
/// @param ui Outlives the tree.
[[nodiscard]] coppice::supervisor_spec make_tree(bool stashed, user_interface& ui);

}  // namespace sequence
