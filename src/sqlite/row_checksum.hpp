#pragma once

#include <cstdint>
#include <string_view>

namespace coppice::detail {

// Gives the checksum of a whole row. The key and the count are part of it: a state that has got
// under another key by damage does not match.
[[nodiscard]] std::int64_t checksum_of(std::string_view key, std::string_view state,
                                       std::int64_t crashes);

}  // namespace coppice::detail
