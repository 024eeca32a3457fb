#include "report_words.hpp"
#include "text_parts.hpp"

#include <coppice/dump.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coppice::detail {

namespace {

// The text of a report as one line: what it is about, what happened, and in parentheses why. A
// visitor has one function for each report. Whatever texts of users are in it, on_one_line keeps it
// one line.
class line {
 public:
  explicit line(const text_style& style) noexcept : style_{style} {}

  std::string operator()(const child_starting& x) const {
    return unstarted(x.child) + " starting";
  }
  std::string operator()(const child_started& x) const { return child(x.child) + " started"; }
  std::string operator()(const child_held_back& x) const {
    return unstarted(x.child) + " waits for " + std::string{x.awaited} + " before it is started";
  }
  std::string operator()(const child_recovered& x) const {
    return child(x.child) + " has recovered";
  }
  std::string operator()(const child_start_failed& x) const {
    return child(x.child) + " failed to start" + why(x.reason) + consequence(x.next, x.pause);
  }
  std::string operator()(const child_refused& x) const {
    return unstarted(x.child) + " was not started: " + x.error.message() +
           (x.reason.is_abnormal() ? why(x.reason) : "");
  }
  std::string operator()(const child_ended& x) const {
    return child(x.child) + " ended" + history(x.child) + why(x.reason) +
           consequence(x.next, x.pause);
  }
  std::string operator()(const budget_exhausted& x) const {
    return child(x.child) + " ended once too often: " + budget(x);
  }
  std::string operator()(const child_stop_failed& x) const {
    return child(x.child) +
           (x.had_to_be_killed ? " did not stop in time and was killed" : " stopped badly") +
           why(x.reason) + (x.waited.empty() ? "" : "; it waited for " + std::string{x.waited});
  }
  std::string operator()(const children_stop_failed& x) const {
    return named(x.child.supervisor, x.child.supervisor_id) + ": " + children(x.count) +
           (x.had_to_be_killed ? " did not stop in time and were killed" : " stopped badly") +
           why(x.reason);
  }
  std::string operator()(const supervisor_stopped& x) const {
    const auto took = std::chrono::round<std::chrono::milliseconds>(x.took);
    return named(x.supervisor, x.supervisor_id) + " stopped " + children(x.stopped) +
           (took > took.zero() ? " in " + seconds(took) : "") + ", " + std::to_string(x.killed) +
           " killed" + why(x.reason);
  }
  std::string operator()(const spec_warning& x) const {
    return std::string{x.supervisor} + ": " + cut(x.text, style_);
  }
  std::string operator()(const process_crashed& x) const {
    return "process " + named(x.name.empty() ? x.label : x.name, x.process) + " crashed" +
           why(x.reason);
  }
  std::string operator()(const server_terminated& x) const {
    std::string text = "server " + named(x.name, x.process) + " terminating" + why(x.reason);
    if (!x.last_message.empty()) {
      text += "; last message";
      if (x.client) text += " (from " + client_of(x) + ')';
      text += ": " + cut(x.last_message, style_);
    }
    if (!style_.details) return text;
    if (!x.state.empty()) text += "; state: " + cut(x.state, style_);
    if (x.client) {
      text += "; client " + client_of(x);
      text += condition_of_client(x);
    }
    if (!x.pending.empty()) text += "; waiting for an answer: " + pending_of(x, style_);
    return text;
  }
  std::string operator()(const task_terminated& x) const {
    std::string text = "task " + named(x.label, x.process);
    if (!x.callers.empty()) text += " started by " + x.callers.front().to_string();
    text += " terminating" + why(x.reason);
    if (style_.details && x.callers.size() > 1) {
      text += "; callers: " +
              listed(x.callers, style_.max_items, [](const pid& p) { return p.to_string(); });
    }
    return text;
  }
  std::string operator()(const state_discarded& x) const {
    return "server " + named(x.name, x.process) + " starts afresh: its state crashed it " +
           count(x.crashes, "time") + " in a row; state: " + cut(x.state, style_);
  }
  std::string operator()(const state_lost& x) const {
    return "server " + named(x.name, x.process) + " has lost its state" + why(x.reason);
  }
  std::string operator()(const deadlock_refused& x) const {
    return "a call was refused: " + circle(x.circle);
  }
  std::string operator()(const process_hung& x) const {
    const std::vector<std::string> stack = stack_of(x.process);
    return "process " + named(x.label, x.process) + " has made no progress for " +
           seconds(x.limit) + " and ends" + (stack.empty() ? "" : "; it waits in " + stack.front());
  }
  std::string operator()(const process_abandoned& x) const {
    return "process " + named(x.label, x.process) +
           " was killed but waits for something that cannot be cancelled; abandoned";
  }
  std::string operator()(const acceptor_paused& x) const {
    return "acceptor " + named(x.name, x.process) + " accepts nothing for now (" + shortage(x) +
           ')';
  }
  std::string operator()(const acceptor_resumed& x) const {
    return "acceptor " + named(x.name, x.process) + " accepts again, after " +
           count(x.pauses, "pause") + " within " + seconds(x.period) + " (" + shortage(x) + ')';
  }
  std::string operator()(const loop_blocked& x) const {
    std::string text =
        x.process ? "process " + named(x.label, x.process) : "something that is no process";
    text += " has blocked the loop for " + blocked_time(x);
    if (style_.details && !x.stack.empty()) {
      text += "; stack: " + listed(x.stack, style_.max_items, std::identity{});
    }
    return text;
  }
  std::string operator()(const application_started& x) const {
    return application(x.name, x.process) + " started";
  }
  std::string operator()(const application_stopped& x) const {
    return application(x.name, x.process) + " stopped" + why(x.reason) + ending(x);
  }
  std::string operator()(const program_started& x) const {
    return program(x.name) + " started (OS process " + std::to_string(x.os_process) + ')';
  }
  std::string operator()(const program_stopped& x) const {
    return program(x.name) + " stopped" + why(x.reason) + "; exit code " +
           std::to_string(x.exit_code) +
           (x.killed.empty() ? "" : "; killed: " + listed(x.killed, 0, std::identity{}));
  }
  std::string operator()(const reports_lost& x) const {
    return count(x.count, "report") + " could not be told" + why(x.reason);
  }
  std::string operator()(const reports_summed_up& x) const {
    std::string text{x.text};
    if (x.count > 1) text += " (and " + others(x) + ')';
    return text;
  }

 private:
  static std::string child(const child_info& c) {
    return supervisor_name(c) + ": " + named(c.id, c.process);
  }
  // Names a child that has no process.
  static std::string unstarted(const child_info& c) {
    return supervisor_name(c) + ": " + std::string{c.id.empty() ? "a child" : c.id};
  }
  static std::string history(const child_info& c) {
    return c.restarts == 0 ? "" : " after " + count(c.restarts, "restart");
  }
  static std::string consequence(next_step next, std::chrono::steady_clock::duration pause) {
    return next == next_step::none ? "" : "; " + consequence_of(next, pause);
  }
  std::string why(const exit_reason& reason) const {
    const auto chain = chain_of(reason, style_);
    const std::string text = reason_text(reason, chain);
    return " (" + (chain.empty() ? cut(text, style_) : text) + ')';
  }

  const text_style& style_;
};

// All texts are escaped here, in one place and at the end: a name or an exception text with a line
// end cannot forge a second log entry.
std::string on_one_line(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) append_escaped(result, c);
  return result;
}

}  // namespace

std::string line_of(const report& r, const text_style& style) {
  return on_one_line(std::visit(line{style}, r));
}

}  // namespace coppice::detail
