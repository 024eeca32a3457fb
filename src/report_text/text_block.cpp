#include "report_words.hpp"
#include "text_parts.hpp"

#include <coppice/dump.hpp>
#include <coppice/process_info.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coppice::detail {

namespace {

// The text of a report as a block of lines, as Elixir's logger prints it.

// An exception's text may have line ends. Its further lines are indented, so that nobody takes them
// for the next line of the block, or for another log entry.
void append_indented(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\n    ";
    } else if (c == '\t') {
      out += c;
    } else {
      append_escaped(out, c);
    }
  }
}

class block {
 public:
  explicit block(const text_style& style) noexcept : style_{style} {}

  [[nodiscard]] std::string take() const {
    std::string text;
    for (const std::string& l : lines_) {
      if (!text.empty()) text += '\n';
      append_indented(text, l);
    }
    return text;
  }

  void operator()(const child_starting& x) { child(x.child, "starting"); }
  void operator()(const child_started& x) {
    child(x.child, "started");
    offender(x.child);
  }
  void operator()(const child_held_back& x) {
    child(x.child, "held back");
    say("Waits for", std::string{x.awaited});
    policy(x.child);
  }
  void operator()(const child_recovered& x) {
    child(x.child, "recovered");
    offender(x.child);
  }
  void operator()(const child_start_failed& x) {
    child(x.child, "failed to start");
    why(x.reason);
    offender(x.child);
    next(x.next, x.pause);
  }
  void operator()(const child_refused& x) {
    child(x.child, "was not started");
    add("** (exit) " + x.error.message());
    if (x.reason.is_abnormal()) why(x.reason);
    policy(x.child);
  }
  void operator()(const child_ended& x) {
    child(x.child, "terminated");
    why(x.reason);
    offender(x.child);
    next(x.next, x.pause);
  }
  void operator()(const budget_exhausted& x) {
    child(x.child, "caused shutdown");
    add("** (exit) reached the maximum restart intensity: " + budget(x));
    offender(x.child);
  }
  void operator()(const child_stop_failed& x) {
    child(x.child, "shut down abnormally");
    why(x.reason);
    offender(x.child);
    if (!x.waited.empty()) say("Waited for", x.waited);
    killed(x.had_to_be_killed);
  }
  void operator()(const children_stop_failed& x) {
    add("Children of Supervisor " + supervisor_name(x.child) + " shut down abnormally");
    why(x.reason);
    say("Number", std::to_string(x.count));
    policy(x.child);
    killed(x.had_to_be_killed);
  }
  void operator()(const supervisor_stopped& x) {
    add("Supervisor " + name_or_pid(x.supervisor, x.supervisor_id) + " stopped");
    why(x.reason);
    say("Children", std::to_string(x.stopped));
    say("Killed", std::to_string(x.killed));
    if (x.took > x.took.zero()) say("Took", seconds(x.took));
  }
  void operator()(const spec_warning& x) {
    add("Supervisor " + std::string{x.supervisor});
    add(cut(x.text, style_));
  }
  void operator()(const process_crashed& x) {
    const std::string id = x.process.to_string();
    add("Process " + (x.name.empty() ? id : std::string{x.name} + " (" + id + ')') +
        " terminating");
    why(x.reason);
    if (!x.label.empty()) say("Label", x.label);
    if (!style_.details) return;
    if (const auto known = info(x.process)) {
      say("Ancestors", known->ancestors);
      say("Links", known->links);
    }
  }
  void operator()(const server_terminated& x) {
    add("GenServer " + name_or_pid(x.name, x.process) + " terminating");
    why(x.reason, "stop");
    if (!x.last_message.empty()) {
      say(x.client ? "Last message (from " + client_of(x) + ')' : "Last message", x.last_message);
    }
    if (!style_.details) return;
    if (!x.state.empty()) say("State", x.state);
    if (x.client) add("Client " + client_of(x) + std::string{condition_of_client(x)});
    if (!x.pending.empty()) add("Waiting for an answer: " + pending_of(x, style_));
  }
  void operator()(const task_terminated& x) {
    std::string first = "Task " + name_or_pid(x.label, x.process);
    if (!x.callers.empty()) first += " started from " + named(x.callers.front());
    add(first + " terminating");
    why(x.reason);
    if (!style_.details) return;
    if (x.callers.size() > 1) {
      add("Callers: " + listed(x.callers, style_.max_items, [](const pid& p) { return named(p); }));
    }
  }
  void operator()(const state_discarded& x) {
    add("GenServer " + name_or_pid(x.name, x.process) + " starts afresh");
    add("Its state crashed it " + count(x.crashes, "time") + " in a row");
    say("State", x.state);
  }
  void operator()(const state_lost& x) {
    add("GenServer " + name_or_pid(x.name, x.process) + " has lost its state");
    why(x.reason);
  }
  void operator()(const deadlock_refused& x) {
    add("A call was refused");
    add("** (exit) " + circle(x.circle));
  }
  void operator()(const process_hung& x) {
    add("Process " + name_or_pid(x.label, x.process) + " hangs");
    add("It has made no progress for " + seconds(x.limit) + " and ends");
    for (const std::string& frame : stack_of(x.process)) add("    " + frame);
  }
  void operator()(const process_abandoned& x) {
    add("Process " + x.process.to_string() + " abandoned");
    add("It was killed but waits for something that cannot be cancelled");
    if (!x.label.empty()) say("Label", x.label);
  }
  void operator()(const acceptor_paused& x) {
    add("Acceptor " + name_or_pid(x.name, x.process) + " accepts nothing for now");
    say("Cause", shortage(x));
  }
  void operator()(const acceptor_resumed& x) {
    add("Acceptor " + name_or_pid(x.name, x.process) + " accepts again");
    say("Cause", shortage(x));
    say("Pauses", std::to_string(x.pauses) + " within " + seconds(x.period));
  }
  void operator()(const loop_blocked& x) {
    add((x.process ? "Process " + x.process.to_string() : "Something that is no process") +
        " has blocked the loop for " + blocked_time(x));
    if (!x.label.empty()) say("Label", x.label);
    if (!style_.details || x.stack.empty()) return;
    add("Stack:");
    std::size_t n = 0;
    for (const std::string& frame : x.stack) {
      const bool too_many = style_.max_items > 0 && n++ == style_.max_items;
      add("    " + (too_many ? "..." : frame));
      if (too_many) break;
    }
  }
  void operator()(const application_started& x) {
    add("Application " + std::string{x.name} + " started");
    if (x.process) say("Master", x.process.to_string());
  }
  void operator()(const application_stopped& x) {
    add("Application " + std::string{x.name} + " stopped");
    why(x.reason);
    if (x.ends_program) say("Ends the program as", std::string{word(x.type)});
  }
  void operator()(const program_started& x) {
    add(capital(program(x.name)) + " started");
    say("OS process", std::to_string(x.os_process));
  }
  void operator()(const program_stopped& x) {
    add(capital(program(x.name)) + " stopped");
    why(x.reason);
    say("Exit code", std::to_string(x.exit_code));
    for (const std::string& who : x.killed) say("Killed", who);
  }
  void operator()(const reports_lost& x) {
    add(count(x.count, "report") + " could not be told");
    why(x.reason);
  }
  void operator()(const reports_summed_up& x) {
    add(std::string{x.text});
    if (x.count > 1) say("Summed up", others(x));
  }

 private:
  static std::string capital(std::string text) {
    text.front() = 'P';
    return text;
  }
  static std::string name_or_pid(std::string_view name, const pid& process) {
    return name.empty() ? process.to_string() : std::string{name};
  }

  void add(std::string line_of_it) { lines_.push_back(std::move(line_of_it)); }
  void say(std::string_view what, std::string_view how) {
    add(std::string{what} + ": " + cut(how, style_));
  }
  void say(std::string_view what, const std::vector<pid>& list) {
    if (list.empty()) return;
    add(std::string{what} + ": " +
        listed(list, style_.max_items, [](const pid& p) { return named(p); }));
  }
  void child(const child_info& c, std::string_view what) {
    const std::string id = c.id.empty() ? "" : std::string{c.id} + ' ';
    add("Child " + id + "of Supervisor " + supervisor_name(c) + ' ' + std::string{what});
  }
  void offender(const child_info& c) {
    if (c.process) say("Pid", c.process.to_string());
    if (c.restarts > 0) say("Restarts", std::to_string(c.restarts));
    policy(c);
  }
  void policy(const child_info& c) {
    if (!style_.details) return;
    say("Restart", word(c.restart));
    if (c.significant) say("Significant", "yes");
    say("Shutdown", word(c.shutdown));
    say("Type", word(c.type));
  }
  void next(next_step n, std::chrono::steady_clock::duration pause) {
    if (n != next_step::none) say("Next", consequence_of(n, pause));
  }
  void killed(bool so) {
    if (so) say("Killed", "did not stop in time");
  }
  // `kind` is Elixir's word before a reason that is not an exception: "exit" or "stop".
  void why(const exit_reason& reason, std::string_view kind = "exit") {
    const auto chain = chain_of(reason, style_);
    if (chain.empty()) {
      const bool is_text = reason.kind() == exit_reason::kind_type::error && !reason.note().empty();
      const std::string text = is_text ? std::string{reason.note()} : reason.to_string();
      add("** (" + std::string{kind} + ") " + cut(text, style_));
    }
    std::string indent;
    for (const exception_text& level : chain) {
      add(indent + "** (" + level.type + ')' + (level.text.empty() ? "" : ' ' + level.text));
      indent += "    ";
    }
  }

  const text_style& style_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string block_of(const report& r, const text_style& style) {
  block b{style};
  std::visit(b, r);
  return b.take();
}

}  // namespace coppice::detail
