#pragma once

#include <span>
#include <string>
#include <vector>

namespace coppice::detail {

// Names the functions of a stack, innermost first: "f(int) (/usr/bin/demo+0x12ab)", or only what is
// in parentheses where the function is in no dynamic symbol table. `addr2line -e` takes the number.
std::vector<std::string> names_of(std::span<void* const> frames);

}  // namespace coppice::detail
