#pragma once

#include <string>

namespace coppice::detail {

// Names the function at an address: as the program knows it, or as an offset into the file that
// contains it. What compilers add to the names of coroutines is left out.
std::string symbol_at(const void* address);

}  // namespace coppice::detail
