#include "reserved_words.hpp"

#include <algorithm>
#include <cstddef>

namespace coppice::command {

namespace {

constexpr std::string_view keywords =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t"
    " char32_t char8_t class co_await co_return co_yield compl concept const const_cast"
    " consteval constexpr constinit continue contract_assert decltype default delete do double"
    " dynamic_cast else enum explicit export extern false float for friend goto if inline int"
    " long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected"
    " public register reinterpret_cast requires return short signed sizeof static static_assert"
    " static_cast struct switch template this thread_local throw true try typedef typeid"
    " typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq ";

constexpr std::string_view libraries = " asio boost coppice doctest posix std ";

// Those of Meson and CMake are what they refuse as the name of a target, or make themselves.
constexpr std::string_view targets =
    " all benchmark build clean cleandead coverage cscope ctags depend dist doc edit_cache etags"
    " experimental help include install main nightly package package_source phony preinstall"
    " rebuild_cache reconfigure src subprojects test tests uninstall ";

// Of words with a blank before and behind each.
bool contains(std::string_view words, std::string_view word) {
  for (std::size_t at = words.find(word); at != words.npos; at = words.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if (at > 0 && words[at - 1] == ' ' && end < words.size() && words[end] == ' ') return true;
  }
  return false;
}

}  // namespace

bool is_keyword(std::string_view word) { return contains(keywords, word); }

bool is_reserved_identifier(std::string_view word) {
  return word.starts_with('_') || word.find("__") != word.npos;
}

bool is_library(std::string_view word) {
  // The standard reserves std with digits, too, for its own future.
  const std::string_view rest = word.starts_with("std") ? word.substr(3) : word;
  const bool future_std =
      rest.size() < word.size() &&
      std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; });
  return future_std || contains(libraries, word);
}

bool is_target(std::string_view word) { return contains(targets, word); }

}  // namespace coppice::command
