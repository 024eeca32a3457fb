#pragma once

#include <string_view>

namespace coppice::command {

/// The contents of a file that has been built into the program: of `templates/`, for one, by its
/// path from this folder.
///
/// @throws std::out_of_range if there is none.
[[nodiscard]] std::string_view embedded_file(std::string_view path);

}  // namespace coppice::command
