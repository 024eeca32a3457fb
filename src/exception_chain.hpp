#pragma once

#include <coppice/exit_reason.hpp>

#include <string>
#include <typeinfo>
#include <vector>

namespace coppice::detail {

// The name of a type as it is written, without what the libraries wrap around what they throw.
std::string readable(const std::type_info& type);

struct exception_text {
  std::string type;  // "unknown exception" if the platform cannot tell
  std::string text;  // may be empty
};

// The exception of a reason, and those nested in it, outermost first. Empty if there is none.
std::vector<exception_text> exception_chain(const exit_reason& reason);

}  // namespace coppice::detail
