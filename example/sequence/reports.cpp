#include "reports.hpp"

#include <coppice/exit_reason.hpp>

#include <boost/core/demangle.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <variant>

namespace sequence {

namespace {

// GenServer Sequence.Server terminating
// ** (std::invalid_argument) what it says
// Last message: increment_number("cat")
// State: 127
std::string to_block(const coppice::server_terminated& x) {
  std::string text = "GenServer " + std::string{x.name} + " terminating\n** (";
  if (const std::type_info* const type = x.reason.exception_type()) {
    text += boost::core::demangle(type->name()) + ") " + x.reason.what();
  } else {
    text += "exit) " + x.reason.to_string();
  }
  if (!x.last_message.empty()) text += "\nLast message: " + std::string{x.last_message};
  if (!x.state.empty()) text += "\nState: " + std::string{x.state};
  return text;
}

}  // namespace

std::optional<std::string> report_filter::operator()(const coppice::report& what,
                                                     const std::string& clock) {
  if (!coppice::is_alarming(what)) return std::nullopt;
  if (const auto* const crash = std::get_if<coppice::server_terminated>(&what)) {
    crashed_ = crash->process;
    return clock + " [error] " + to_block(*crash) + '\n';
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
