#include "exception_chain.hpp"

#include "exception_cast.hpp"

#include <boost/core/demangle.hpp>

#include <exception>
#include <string_view>
#include <utility>

namespace coppice::detail {

namespace {

// Of libstdc++ and libc++, for std::throw_with_nested; of Boost, for boost::throw_exception.
constexpr std::string_view wrappers[] = {"std::_Nested_exception<", "std::__nested<",
                                         "std::__1::__nested<", "boost::wrapexcept<"};

bool unwrap(std::string& name) {
  for (const std::string_view wrapper : wrappers) {
    if (!name.starts_with(wrapper) || !name.ends_with('>')) continue;
    name.pop_back();
    if (name.ends_with(' ')) name.pop_back();
    name.erase(0, wrapper.size());
    return true;
  }
  return false;
}

}  // namespace

std::string readable(const std::type_info& type) {
  std::string name = boost::core::demangle(type.name());
  while (unwrap(name)) {
  }
  return name;
}

std::vector<exception_text> exception_chain(const exit_reason& reason) {
  std::vector<exception_text> chain;
  for (std::exception_ptr e = reason.exception(); e;) {
    const exit_reason level = exit_reason::error(e);
    const std::type_info* const type = level.exception_type();
    chain.push_back({type != nullptr ? readable(*type) : "unknown exception", level.what()});
    const auto* const outer = exception_cast<std::nested_exception>(e);
    // In two steps: `outer` lives in what `e` points to.
    std::exception_ptr inner = outer != nullptr ? outer->nested_ptr() : nullptr;
    e = std::move(inner);
  }
  return chain;
}

}  // namespace coppice::detail
