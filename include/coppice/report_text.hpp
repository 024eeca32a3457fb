#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>

#include <cstddef>
#include <string>

namespace coppice {

/// How a report is written.
struct text_style {
  /// The block of lines that Elixir prints; else one line.
  bool multi_line = false;
  /// With the state of a server and what is known of its clients; in blocks, with the policy of a
  /// child, and the ancestors and links of a process.
  bool details = true;
  /// After so many bytes each message, state or text of a reason is cut, and "..." put there.
  /// 0: never.
  std::size_t max_text = 0;
  /// So many nested exceptions are told, and of lists so many items. 0: all.
  std::size_t max_items = 10;
};

/// A text for people, without a line end behind it.
///
/// Line ends inside messages, states and reasons cannot pass for those of a log: one line stays
/// one, control characters being escaped, and in a block what follows them is indented.
///
/// An exception that was thrown by `std::throw_with_nested` is followed by those nested in it.
///
/// @par Thread safety
/// Only while the sink runs.
/// @par Origin
/// Elixir's `Logger.Translator`, for the blocks.
[[nodiscard]] COPPICE_API std::string to_string(const report& r, const text_style& style = {});

}  // namespace coppice
