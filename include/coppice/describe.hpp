#pragma once

#include <boost/core/demangle.hpp>

#include <concepts>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <typeinfo>

namespace coppice {

namespace detail {

template <class T>
concept described_by_function = requires(const T& x) {
  { describe(x) } -> std::convertible_to<std::string>;
};
template <class T>
concept described_by_stream = requires(std::ostream& out, const T& x) {
  out << x;
};

template <class T>
std::string describe_type() {
  std::string name = boost::core::demangle(typeid(T).name());
  if (const auto last = name.rfind("::"); last != std::string::npos) name.erase(0, last + 2);
  return name;
}

}  // namespace detail

/// One line about a message or a state, for reports.
///
/// To be had for a type of one's own by a function `std::string describe(const T&)` beside it, or
/// else by `operator<<`. Anything else is told by the name of its type. What a describing function
/// throws is swallowed: reports never fail for it.
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
      return "(" + detail::describe_type<T>() + ")";
    }
  } catch (...) {
    return "(not to be described)";
  }
}

}  // namespace coppice
