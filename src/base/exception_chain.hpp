#pragma once

#include <coppice/exit_reason.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace coppice::detail {

// The name of a type as it is written, without what the libraries wrap around what they throw.
std::string readable(const std::type_info& type);

// What `what()` says, which may be nothing at all. Valid for as long as the exception lives.
std::string_view said_by(const std::exception_ptr& exception) noexcept;

// The same for people: where in the sources an error of Boost.System came up is left out.
std::string text_of_exception(const std::exception_ptr& exception);

struct exception_text {
  std::string type;  // "unknown exception" if the platform cannot tell
  std::string text;  // may be empty
};

// The exception of a reason, and those nested in it, outermost first. Empty if there is none.
std::vector<exception_text> exception_chain(const exit_reason& reason);

// Appends what makes two reasons equal to whoever reads them: kind, note, and the types and texts of
// the exceptions. Allocates nothing but what `key` needs.
void append_key(std::string& key, const exit_reason& reason);

}  // namespace coppice::detail
