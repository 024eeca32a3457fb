#pragma once

#include "base/exception_chain.hpp"

#include <coppice/report.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace coppice::detail {

// The words and phrases that the texts and the fields of reports have in common.

std::string_view word(next_step next) noexcept;
// "restarting", "restarting in 0.4 s"
std::string consequence_of(next_step next, std::chrono::steady_clock::duration pause);
std::string_view word(restart when) noexcept;
std::string_view word(child_type type) noexcept;
std::string word(const shutdown& how);
std::string_view yes_or_no(bool b) noexcept;

// "5 s", "0.25 s"
std::string seconds(std::chrono::steady_clock::duration d);

// "0.213 s"
std::string blocked_time(const loop_blocked& x);

// "label <7>", or "<7>".
std::string named(std::string_view label, const pid& process);
// Likewise, with the name or label of the process, which is known only while it lives.
std::string named(const pid& process);
// The name of a child's supervisor, or its pid if it has no name.
std::string supervisor_name(const child_info& c);

// "std::runtime_error: outer, caused by std::logic_error: inner", for a reason with that chain.
std::string reason_text(const exit_reason& reason, std::span<const exception_text> chain);

// Writes the items with ", " between them, and "..." after `limit` of them (0: no limit).
template <class Range, class Write>
std::string listed(const Range& items, std::size_t limit, Write write) {
  std::string text;
  std::size_t n = 0;
  for (const auto& item : items) {
    if (n > 0) text += ", ";
    if (limit > 0 && n == limit) return text + "...";
    text += write(item);
    ++n;
  }
  return text;
}

}  // namespace coppice::detail
