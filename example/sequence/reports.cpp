#include "reports.hpp"

#include <coppice/exit_reason.hpp>

#include <coppice/report_text.hpp>
#include <coppice/severity.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <variant>

namespace sequence {

std::optional<std::string> report_filter::operator()(const coppice::report& what,
                                                     const std::string& clock) {
  if (severity_of(what) < coppice::severity::warning) return std::nullopt;
  // The exit code tells that.
  if (std::holds_alternative<coppice::program_stopped>(what)) return std::nullopt;
  if (const auto* const crash = std::get_if<coppice::server_terminated>(&what)) {
    crashed_ = crash->process;
    return clock + " [error] " + to_string(what, {.multi_line = true}) + '\n';
  }
  if (const auto* const crash = std::get_if<coppice::process_crashed>(&what)) {
    if (crash->supervised) return std::nullopt;  // its supervisor tells
  }
  if (const auto* const end = std::get_if<coppice::child_ended>(&what)) {
    // Of a server that has crashed it was told. A kill was asked for. A supervisor that gives up
    // ends with shutdown, and says by itself why.
    if (end->child.process == crashed_) return std::nullopt;
    if (end->reason.kind() != coppice::exit_reason::kind_type::error) return std::nullopt;
  }
  return clock + " [error] " + to_string(what) + '\n';
}

std::string time_of_day() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto since = now.time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char clock[16];
  std::strftime(clock, sizeof clock, "%H:%M:%S", &local);
  char text[32];
  std::snprintf(text, sizeof text, "%s.%03d", clock, static_cast<int>(ms));
  return text;
}

}  // namespace sequence
