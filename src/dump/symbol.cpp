#include "symbol.hpp"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace coppice::detail {

namespace {

struct free_deleter {
  void operator()(char* text) const noexcept { std::free(text); }
};

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, free_deleter> text{
      abi::__cxa_demangle(name, nullptr, nullptr, &status)};
  return text ? text.get() : name;
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

std::string symbol_at(const void* address) {
  Dl_info found{};
  char offset[2 + 2 * sizeof(std::uintptr_t) + 1];
  if (dladdr(address, &found) == 0) {
    std::snprintf(offset, sizeof offset, "%p", address);
    return offset;
  }
  if (found.dli_sname != nullptr) return without_additions(demangled(found.dli_sname));
  std::string_view file = found.dli_fname != nullptr ? found.dli_fname : "";
  if (const std::size_t slash = file.rfind('/'); slash != std::string_view::npos) {
    file.remove_prefix(slash + 1);
  }
  const auto base = reinterpret_cast<std::uintptr_t>(found.dli_fbase);
  std::snprintf(offset, sizeof offset, "0x%zx", reinterpret_cast<std::uintptr_t>(address) - base);
  return std::string{file} + '+' + offset;
}

}  // namespace coppice::detail
