#include "exception_chain.hpp"

#include "exception_cast.hpp"

#include <boost/core/demangle.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <utility>

namespace coppice::detail {

namespace {

// std::throw_with_nested of libstdc++ and libc++, and boost::throw_exception, do not throw the type
// that the user wrote but one of these, derived from it. A reader wants to see the user's type.
constexpr std::string_view wrappers[] = {"std::_Nested_exception<", "std::__nested<",
                                         "std::__1::__nested<", "boost::wrapexcept<"};

bool unwrap(std::string& name) {
  for (const std::string_view wrapper : wrappers) {
    if (!name.starts_with(wrapper) || !name.ends_with('>')) continue;
    name.pop_back();
    if (name.ends_with(' ')) name.pop_back();  // demanglers write "> >" where templates end
    name.erase(0, wrapper.size());
    return true;
  }
  return false;
}

// Gives the exception that is nested in `outer`, or null.
std::exception_ptr nested_in(const std::exception_ptr& outer) noexcept {
  const auto* const holder = exception_cast<std::nested_exception>(outer);
  return holder != nullptr ? holder->nested_ptr() : nullptr;
}

// Calls `f` with an exception and those nested in it, outermost first. Assignments can make a
// circle of nested exceptions. So the exceptions number 1, 2, 4, 8 ... are remembered, always only
// the latest of them (Brent's algorithm): the walk around a circle meets it again and ends.
template <class F>
void for_each_level(std::exception_ptr e, F f) {
  std::exception_ptr passed;
  for (std::size_t n = 0; e && e != passed; ++n) {
    f(e);
    if ((n & (n + 1)) == 0) passed = e;
    e = nested_in(e);
  }
}

}  // namespace

std::string readable(const std::type_info& type) {
  std::string name = boost::core::demangle(type.name());
  while (unwrap(name)) {
  }
  return name;
}

std::string_view said_by(const std::exception_ptr& exception) noexcept {
  const auto* const e = exception_cast<std::exception>(exception);
  const char* const said = e != nullptr ? e->what() : nullptr;  // users' what() may give null
  return said != nullptr ? said : std::string_view{};
}

std::string text_of_exception(const std::exception_ptr& exception) {
  std::string text{said_by(exception)};
  const auto* const e = exception_cast<boost::system::system_error>(exception);
  if (e == nullptr || !e->code().has_location()) return text;
  // Boost.System ends its text with "[category:value at file:line]". The place is noise in a log,
  // and lets two equal errors look different.
  const std::string end = " at " + e->code().location().to_string() + ']';
  if (text.ends_with(end)) text.replace(text.size() - end.size(), end.size(), "]");
  return text;
}

std::vector<exception_text> exception_chain(const exit_reason& reason) {
  std::vector<exception_text> chain;
  for_each_level(reason.exception(), [&chain](const std::exception_ptr& e) {
    const std::type_info* const type = exit_reason::error(e).exception_type();
    chain.push_back(
        {type != nullptr ? readable(*type) : "unknown exception", text_of_exception(e)});
  });
  return chain;
}

void append_key(std::string& key, const exit_reason& reason) {
  // Each part ends with a zero, so that no two different sequences of parts make the same key.
  // Types go in by their mangled names: those need no memory.
  const auto add = [&key](std::string_view part) { (key += part) += '\0'; };
  key += static_cast<char>('a' + static_cast<int>(reason.kind()));
  add(reason.note());
  for_each_level(reason.exception(), [&add](const std::exception_ptr& e) {
    const std::type_info* const type = exit_reason::error(e).exception_type();
    add(type != nullptr ? type->name() : "");
    add(said_by(e));
  });
}

}  // namespace coppice::detail
