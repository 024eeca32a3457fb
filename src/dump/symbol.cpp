#include "symbol.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#if defined(__GLIBC__)
#include <link.h>
#endif

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace coppice::detail {

namespace {

std::string in_hex(std::uintptr_t n) {
  char text[2 + 2 * sizeof n + 1];
  std::snprintf(text, sizeof text, "0x%jx", static_cast<std::uintmax_t>(n));
  return text;
}

std::string demangled(const char* name) {
  const std::unique_ptr<char, decltype(&std::free)> text{
      abi::__cxa_demangle(name, nullptr, nullptr, nullptr), &std::free};
  return text != nullptr ? text.get() : name;
}

// The part of a coroutine that is resumed is a function of its own: "f(f(int)::_Z1fi.Frame*) [clone
// .actor]" with g++, "f(int) [clone .resume]" with clang.
std::string without_additions(std::string name) {
  if (const std::size_t clone = name.find(" [clone "); clone != std::string::npos) {
    name.resize(clone);
  }
  constexpr std::string_view frame = ".Frame*)";
  if (name.ends_with(frame)) {
    // What is in the parentheses is the name of the function, and that of its frame.
    const std::size_t end = name.rfind("::");
    std::size_t depth = 1;
    std::size_t begin = name.size() - 1;
    while (begin > 0 && depth > 0) {
      --begin;
      if (name[begin] == ')') ++depth;
      if (name[begin] == '(') --depth;
    }
    if (end != std::string::npos && begin < end) name = name.substr(begin + 1, end - begin - 1);
  }
  return name;
}

}  // namespace

// The number counts from where the module would lie if it was not moved, as its symbols do.
std::string symbol_at(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  Dl_info found{};
#if defined(__GLIBC__)
  link_map* map = nullptr;
  if (::dladdr1(address, &found, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) {
    return in_hex(at);
  }
  const std::uintptr_t base = map->l_addr;
#else
  if (::dladdr(address, &found) == 0) return in_hex(at);
  const auto base = reinterpret_cast<std::uintptr_t>(found.dli_fbase);
#endif
  const std::string place = std::string{found.dli_fname} + '+' + in_hex(at - base);
  if (found.dli_sname == nullptr) return place;
  return without_additions(demangled(found.dli_sname)) + " (" + place + ')';
}

}  // namespace coppice::detail
