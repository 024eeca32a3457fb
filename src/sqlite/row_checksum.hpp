#pragma once

#include <cstdint>
#include <string_view>

namespace coppice::detail {

// Of all that a row says: under another key, or with another count, the same state does not fit.
[[nodiscard]] std::int64_t checksum_of(std::string_view key, std::string_view state,
                                       std::int64_t crashes);

}  // namespace coppice::detail
