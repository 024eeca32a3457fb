#include <coppice/report_sink.hpp>

#include "report_sums.hpp"
#include "stderr_log.hpp"

#include "watchdog/print_blocked.hpp"

#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/report_text.hpp>
#include <coppice/severity.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>
#include <variant>

namespace coppice {

namespace {

// Gives the local time as "12:34:56.789". The date is left out: it is for people who look on.
std::string time_of_day() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  const std::size_t n = std::strftime(text, sizeof text, "%H:%M:%S", &local);
  std::snprintf(text + n, sizeof text - n, ".%03d", static_cast<int>(ms));
  return text;
}

}  // namespace

bool detail::prints(const report& r, severity from) noexcept {
  if (severity_of(r) < from) return false;
  // The crash of a supervised process is reported again by its supervisor, with more context.
  if (const auto* crash = std::get_if<process_crashed>(&r)) return !crash->supervised;
  if (const auto* sum = std::get_if<reports_summed_up>(&r)) return !sum->supervised;
  return true;
}

void print_report(const report& r) { print_report(r, {}); }

void print_report(const report& r, const text_style& style, severity from) {
  if (!detail::prints(r, from)) return;
  std::string head = time_of_day() + " [";
  head += style.multi_line ? to_string(severity_of(r)) : "coppice";
  head += "] ";
  // The whole entry is one write, so that output of other threads does not get in between.
  detail::write_to_stderr(head, head + to_string(r, style) + '\n');
}

void detail::print_blocked(const loop_blocked& x) {
  const std::string head = time_of_day() + " [coppice] ";
  std::string text = head + to_string(x, {.details = false}) + " so far\n";
  for (const std::string& frame : x.stack) ((text += "    ") += frame) += '\n';
  detail::write_to_stderr(head, std::move(text));
}

void set_report_sink(boost::asio::io_context& io, report_sink sink) {
  detail::scheduler::of(io, "set_report_sink").reports().set(std::move(sink));
}

}  // namespace coppice
