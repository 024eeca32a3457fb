#include "frame_names.hpp"

#include "dump/symbol.hpp"

namespace coppice::detail {

std::vector<std::string> names_of(std::span<void* const> frames) {
  std::vector<std::string> names;
  for (void* const frame : frames) {
    // All but the innermost are where a call returns to, which may be in another line than the
    // call, or in another function.
    const auto* const at = static_cast<const char*>(frame);
    names.push_back(symbol_at(names.empty() ? at : at - 1));
  }
  return names;
}

}  // namespace coppice::detail
