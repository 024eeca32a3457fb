#pragma once

#include <cstddef>
#include <string_view>

namespace sequence {

/// How many bytes the first key in `typed` takes up: more than one for those that send an escape
/// sequence, and for characters that are not ASCII. 0 if it has not arrived in full, or there is
/// none.
///
/// With this nobody ever has to wait for the rest of a key in the middle of reading it.
[[nodiscard]] std::size_t first_key(std::string_view typed) noexcept;

}  // namespace sequence
