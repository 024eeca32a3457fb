#include "frame_names.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#if defined(__GLIBC__)
#include <link.h>
#endif

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

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

// The number counts from where the module would lie if it was not moved, as its symbols do.
std::string name_of(const void* address) {
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
  return found.dli_sname != nullptr ? demangled(found.dli_sname) + " (" + place + ')' : place;
}

}  // namespace

std::vector<std::string> names_of(std::span<void* const> frames) {
  std::vector<std::string> names;
  for (void* const frame : frames) {
    // All but the innermost are where a call returns to, which may be in another line than the
    // call, or in another function.
    const auto* const at = static_cast<const char*>(frame);
    names.push_back(name_of(names.empty() ? at : at - 1));
  }
  return names;
}

}  // namespace coppice::detail
