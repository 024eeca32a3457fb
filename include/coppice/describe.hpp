#pragma once

#include <coppice/detail/base/description.hpp>

#include <sstream>
#include <string>
#include <utility>

namespace coppice {

/// One line about a message or a state, for reports.
///
/// To be had for a type of one's own by a function `std::string describe(const T&)` beside it, or
/// else by `operator<<`. Anything else is told by the name of its type. What a describing function
/// throws is swallowed: reports never fail for it. Without memory for the text it is "(no memory)".
template <class T>
[[nodiscard]] std::string text_of(const T& x) noexcept {
  try {
    if constexpr (detail::described_by_function<T>) {
      return describe(x);
    } else if constexpr (detail::described_by_stream<T>) {
      std::ostringstream out;
      out << x;
      return std::move(out).str();
    } else {
      std::string text{'('};  // not by +, which makes g++ 12 warn (-Wrestrict), needlessly
      text += detail::describe_type<T>();
      text += ')';
      return text;
    }
  } catch (...) {
    return detail::no_description();
  }
}

}  // namespace coppice
