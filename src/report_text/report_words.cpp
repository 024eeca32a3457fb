#include "report_words.hpp"

#include <coppice/process_info.hpp>

#include <chrono>
#include <cstdio>

namespace coppice::detail {

// The words are OTP's, in the spelling of the specs: a reader finds them in the code and in OTP's
// manual.

std::string_view word(next_step next) noexcept {
  switch (next) {
    case next_step::none: break;
    case next_step::restart: return "restarting";
    case next_step::give_up: return "giving up";
    case next_step::shut_down: return "shutting down";
    case next_step::drop: return "leaving it down";
    case next_step::park: return "parking it";
  }
  return "";
}

std::string consequence_of(next_step next, std::chrono::steady_clock::duration pause) {
  const std::string what{word(next)};
  if (pause <= pause.zero()) return what;
  return what + (next == next_step::park ? " for " : " in ") + seconds(pause);
}

std::string_view word(restart when) noexcept {
  switch (when) {
    case restart::permanent: break;
    case restart::transient: return "transient";
    case restart::temporary: return "temporary";
  }
  return "permanent";
}

std::string_view word(child_type type) noexcept {
  return type == child_type::supervisor ? "supervisor" : "worker";
}

std::string word(const shutdown& how) {
  if (how.is_brutal_kill()) return "brutal_kill";
  if (how.is_infinity()) return "infinity";
  return seconds(how.time());
}

std::string_view yes_or_no(bool b) noexcept { return b ? "yes" : "no"; }

std::string seconds(std::chrono::steady_clock::duration d) {
  char text[32];  // %g needs at most 13 characters: it prints six digits
  std::snprintf(text, sizeof text, "%g s", std::chrono::duration<double>{d}.count());
  return text;
}

// Nobody measures more exactly.
std::string blocked_time(const loop_blocked& x) {
  return seconds(std::chrono::round<std::chrono::milliseconds>(x.time));
}

std::string named(std::string_view label, const pid& process) {
  std::string text{label};
  if (!text.empty()) text += ' ';
  return text + process.to_string();
}

// A registered name tells more than a label, which several processes may share.
std::string named(const pid& process) {
  const auto known = info(process);
  if (!known) return process.to_string();
  return named(known->name.empty() ? known->label : known->name, process);
}

std::string supervisor_name(const child_info& c) {
  return c.supervisor.empty() ? c.supervisor_id.to_string() : std::string{c.supervisor};
}

std::string reason_text(const exit_reason& reason, std::span<const exception_text> chain) {
  if (chain.empty()) return reason.to_string();
  std::string text;
  for (const exception_text& level : chain) {
    if (!text.empty()) text += ", caused by ";
    text += level.type;
    if (!level.text.empty()) text += ": " + level.text;
  }
  return text;
}

}  // namespace coppice::detail
