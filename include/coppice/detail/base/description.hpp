#pragma once

#include <boost/core/demangle.hpp>

#include <concepts>
#include <ostream>
#include <string>
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

template <class T>
std::string describe_type() {
  std::string name = boost::core::demangle(typeid(T).name());
  if (const auto last = name.rfind("::"); last != std::string::npos) name.erase(0, last + 2);
  return name;
}

}  // namespace coppice::detail
