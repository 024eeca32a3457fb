#pragma once

#include <coppice/report.hpp>
#include <coppice/report_text.hpp>
#include <coppice/severity.hpp>

#include <spdlog/logger.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace coppice {

/// The level at which a report of that severity is logged.
[[nodiscard]] inline spdlog::level::level_enum spdlog_level(severity s) noexcept {
  switch (s) {
    case severity::debug: return spdlog::level::debug;
    case severity::info: return spdlog::level::info;
    case severity::warning: return spdlog::level::warn;
    case severity::error: break;
  }
  return spdlog::level::err;
}

/// Hands reports to a logger of spdlog: `set_report_sink(io,
/// spdlog_sink(spdlog::default_logger()))`.
///
/// A report's severity is its level; what the logger would not log is not formatted. All reports
/// are handed on: of a supervised process that crashes, its own and its supervisor's. Nothing is
/// flushed; that is for the logger to say (`flush_on`).
///
/// Not part of coppice.hpp, and nothing of it is in coppice's library: a program that includes this
/// header has spdlog.
///
/// @param logger Shared by the sink for as long as that is set.
/// @param style How the texts are written.
/// @throws std::invalid_argument if there is no logger.
/// @par Thread safety
/// The sink writes on the loop's thread; whether others may log meanwhile is a matter of the
/// logger.
[[nodiscard]] inline report_sink spdlog_sink(std::shared_ptr<spdlog::logger> logger,
                                             text_style style = {}) {
  if (!logger) throw std::invalid_argument{"coppice: spdlog_sink needs a logger"};
  return [logger = std::move(logger), style](const report& r) {
    const spdlog::level::level_enum level = spdlog_level(severity_of(r));
    if (!logger->should_log(level) && !logger->should_backtrace()) return;
    const std::string text = to_string(r, style);
    logger->log(level, spdlog::string_view_t{text.data(), text.size()});
  };
}

}  // namespace coppice
