#pragma once

#include <string>

namespace coppice::detail {

// Names the function at an address: "f(int) (/usr/bin/demo+0x12ab)", or only what is in parentheses
// where the function is in no dynamic symbol table. `addr2line -e` takes the number. What compilers
// add to the names of coroutines is left out.
std::string symbol_at(const void* address);

}  // namespace coppice::detail
