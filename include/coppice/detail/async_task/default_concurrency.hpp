#pragma once

#include <coppice/config.hpp>

#include <cstddef>

namespace coppice::detail {

// Gives one task per core, and at least one.
[[nodiscard]] COPPICE_API std::size_t default_concurrency() noexcept;

}  // namespace coppice::detail
