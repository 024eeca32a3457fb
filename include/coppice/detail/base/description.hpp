#pragma once

#include <boost/core/demangle.hpp>

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <typeinfo>

namespace coppice::detail {

// Reports show messages and states of users' types as text. A type says how by a function
// `describe` that is found by ADL, or by operator<<. Other types are shown by their name.

template <class T>
concept described_by_function = requires(const T& x) {
  { describe(x) } -> std::convertible_to<std::string>;
};
template <class T>
concept described_by_stream = requires(std::ostream& out, const T& x) {
  out << x;
};

// Gives the text that stands for an object which could not be described, perhaps for want of
// memory: a short text lies in the string object itself.
inline std::string no_description() noexcept {
  try {
    return "(not to be described)";
  } catch (...) {
    return "(no memory)";
  }
}

// Takes the namespaces and classes before the name of a type away, and leaves those of its template
// arguments, but for strings, which are called as people call them.
inline std::string unqualified(std::string name) {
  static constexpr std::string_view string =
      "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  for (std::size_t at = 0; (at = name.find(string, at)) != std::string::npos;) {
    name.replace(at, string.size(), "std::string");
  }
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (std::string_view{"<({["}.find(name[i]) != std::string_view::npos) ++depth;
    if (std::string_view{">)}]"}.find(name[i]) != std::string_view::npos) --depth;
    if (depth == 0 && name.compare(i, 2, "::") == 0) begin = i + 2;
  }
  return name.substr(begin);
}

template <class T>
std::string describe_type() {
  return unqualified(boost::core::demangle(typeid(T).name()));
}

}  // namespace coppice::detail
