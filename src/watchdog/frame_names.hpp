#pragma once

#include <span>
#include <string>
#include <vector>

namespace coppice::detail {

// Names the functions of a stack, innermost first, as `symbol_at` does.
std::vector<std::string> names_of(std::span<void* const> frames);

}  // namespace coppice::detail
