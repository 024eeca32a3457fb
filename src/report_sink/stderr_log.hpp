#pragma once

#include <string>
#include <string_view>

namespace coppice::detail {

// Writes that text, which ends with a line end, to the descriptor of stderr: at once or not at all,
// and whatever becomes of it the program goes on. What could not be written is counted, and told
// before the next text that can be, on a line that begins with `head`.
//
// Any thread may do that.
void write_to_stderr(std::string_view head, std::string text) noexcept;

}  // namespace coppice::detail
