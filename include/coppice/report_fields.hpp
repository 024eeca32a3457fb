#pragma once

#include <coppice/config.hpp>
#include <coppice/report.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// One thing that is known of a report. Keys are literals.
struct report_field {
  std::string_view key;  ///< What it is, such as "child".
  std::string value;  ///< What it says, as a text.

  friend bool operator==(const report_field&, const report_field&) = default;
};

/// What is known, for log backends that take keys and values, in a fixed order and without what is
/// empty.
///
/// Of every report `kind`, the name of its type, and `severity`. Of processes `process`, `name`,
/// `label`, `supervised`, `ancestors`, `links`; of children `supervisor`, `supervisor_process`,
/// `child`, `process`, `restarts`, `restart`, `significant`, `shutdown`, `type`, and of their
/// starts `by_request`; of servers also `last_message`, `state`, `client`, `client_name`,
/// `client_alive`, `pending`; of tasks `callers`; of acceptors
/// `name`, `process`, `error`, `connections`, `count`, `period`. Of ends `reason`,
/// `exception_type`, `next`, `killed`, `count`; of budgets `intensity`, `period`; of refusals
/// `error`; of warnings `text`; of programs `name`, `process`, `os_process`, `exit_code`; of
/// reports `count`, `period`, `text`; of blocked loops `process`, `label`, `time`, `stack`.
/// Processes are written as `pid::to_string` does, lists with ", " between, stacks with a line for
/// each function.
///
/// @par Thread safety
/// Only while the sink runs.
[[nodiscard]] COPPICE_API std::vector<report_field> fields_of(const report& r);

}  // namespace coppice
