#pragma once

#include <coppice/pid.hpp>
#include <coppice/report.hpp>

#include <optional>
#include <string>

namespace sequence {

/// Picks, of all reports, those that the console shows: every failure once, the crash of a server
/// in the form of Elixir's.
class report_filter {
 public:
  /// What to print, with its line ends; nothing if the report is not shown.
  ///
  /// @param clock The time of day, as it is to appear.
  [[nodiscard]] std::optional<std::string> operator()(const coppice::report& what,
                                                      const std::string& clock);

 private:
  coppice::pid crashed_;  // the server whose crash was shown last
};

/// "12:34:56.789"
[[nodiscard]] std::string time_of_day();

}  // namespace sequence
