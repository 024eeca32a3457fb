#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>

#include <string_view>

namespace coppice {

/// "debug", "info", "warning" or "error".
[[nodiscard]] COPPICE_API std::string_view to_string(severity s) noexcept;

/// How much it matters: that something went wrong is an error, whatever is done about it.
///
/// The end of a permanent child is an error for whatever reason it ended, as in OTP.
[[nodiscard]] COPPICE_API severity severity_of(const report& r) noexcept;

}  // namespace coppice
