#pragma once

#include <coppice/exit_reason.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

namespace coppice::detail {

// Reports and exit reasons show exceptions as text: the type, what() and the exceptions nested in
// it.

// Gives the name of a type as it is written in the sources. The types that libraries derive from a
// thrown type (std::throw_with_nested, boost::throw_exception) are taken off it.
std::string readable(const std::type_info& type);

// Gives what() of the exception, or an empty text if it is no std::exception. The text is valid for
// as long as the exception lives.
std::string_view said_by(const std::exception_ptr& exception) noexcept;

// Gives what() as people want to read it: without the file and line that Boost.System puts in.
std::string text_of_exception(const std::exception_ptr& exception);

struct exception_text {
  std::string type;  // "unknown exception" if the platform cannot tell
  std::string text;  // may be empty
};

// Gives the exception of a reason and those nested in it, outermost first. It is empty if the
// reason has no exception.
std::vector<exception_text> exception_chain(const exit_reason& reason);

// Appends a key that two reasons share if they look equal to a reader: kind, note, and the types
// and texts of the exceptions. The sums of repeated reports use it for every report, so nothing is
// allocated beyond the storage of `key`.
void append_key(std::string& key, const exit_reason& reason);

}  // namespace coppice::detail
