#pragma once

#include <string>
#include <string_view>

namespace coppice::detail {

// Writes a text, which ends with a line end, to the descriptor of stderr. It never waits: a loop
// must not stand still because a terminal is stopped or a pipe is full. And it never ends the
// program, whatever becomes of stderr. Texts that could not be written are counted, and the number
// is told before the next text, on a line that begins with `head`.
//
// Any thread may call it.
void write_to_stderr(std::string_view head, std::string text) noexcept;

}  // namespace coppice::detail
