#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keyvalue {

/// Reads a decimal number that takes up the whole text, as strictly as Redis does: "-7" and "0",
/// but no blank, plus sign or leading zero, and no "-0".
[[nodiscard]] std::optional<std::int64_t> to_integer(std::string_view text) noexcept;

}  // namespace keyvalue
