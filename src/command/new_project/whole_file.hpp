#pragma once

#include <filesystem>
#include <string_view>

namespace coppice::command {

/// Writes a new file, which appears whole or not at all.
///
/// @throws std::system_error if it cannot be written, or if there is something of that name.
void create_whole_file(const std::filesystem::path& path, std::string_view content);

/// The same in place of what has that name: a file, or a link, which is not followed.
void replace_whole_file(const std::filesystem::path& path, std::string_view content);

}  // namespace coppice::command
