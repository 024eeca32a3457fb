#include "report_words.hpp"

#include <coppice/process.hpp>
#include <coppice/report.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

namespace {

using detail::exception_text;
using detail::listed;
using detail::named;
using detail::supervisor_name;
using detail::word;

bool continues_character(char c) noexcept {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

std::string cut(std::string_view text, const text_style& style) {
  if (style.max_text == 0 || text.size() <= style.max_text) return std::string{text};
  std::size_t end = style.max_text;
  while (end > 0 && continues_character(text[end])) --end;
  return std::string{text.substr(0, end)} + "...";
}

std::vector<exception_text> chain_of(const exit_reason& reason, const text_style& style) {
  std::vector<exception_text> chain = detail::exception_chain(reason);
  // The outermost is not nested.
  if (style.max_items > 0 && chain.size() > style.max_items + 1) chain.resize(style.max_items + 1);
  for (exception_text& level : chain) level.text = cut(level.text, style);
  return chain;
}

std::string count(std::size_t n, std::string_view what) {
  return std::to_string(n) + ' ' + std::string{what} + (n == 1 ? "" : "s");
}

std::string children(std::size_t n) { return n == 1 ? "1 child" : std::to_string(n) + " children"; }

std::string budget(const budget_exhausted& x) {
  return "more than " + count(x.restarts, "restart") + " in " + detail::number(x.period_seconds) +
         " s";
}

std::string others(const reports_summed_up& x) {
  std::string text = std::to_string(x.count - 1) + " more like it";
  if (x.period_seconds > 0) text += " within " + detail::number(x.period_seconds) + " s";
  return text;
}

// A client is called by its name, if it has one, as in Elixir.
std::string client_of(const server_terminated& x) {
  return x.client_name.empty() ? x.client.to_string() : std::string{x.client_name};
}

std::string_view condition_of_client(const server_terminated& x) {
  return x.client_alive ? " is alive" : " is dead";
}

std::string pending_of(const server_terminated& x, const text_style& style) {
  return listed(x.pending, style.max_items, [](const pid& p) { return named(p); });
}

std::string application(std::string_view name) {
  return name.empty() ? "application" : "application " + std::string{name};
}

// Writes what could end a line, or do something to a terminal, as in a C++ literal.
void append_escaped(std::string& out, char c) {
  constexpr char digits[] = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(c);
  switch (c) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  if (code >= 0x20 && code != 0x7f) {
    out += c;
  } else {
    out += {'\\', 'x', digits[code >> 4U], digits[code & 0xfU]};
  }
}

std::string on_one_line(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) append_escaped(result, c);
  return result;
}

// The lines that a line of a block turns out to have, but for its first, are indented.
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

// ---- One line

class line {
 public:
  explicit line(const text_style& style) noexcept : style_{style} {}

  std::string operator()(const child_starting& x) const {
    const std::string_view id = x.child.id.empty() ? "a child" : x.child.id;
    return supervisor_name(x.child) + ": " + std::string{id} + " starting";
  }
  std::string operator()(const child_started& x) const { return child(x.child) + " started"; }
  std::string operator()(const child_start_failed& x) const {
    return child(x.child) + " failed to start" + why(x.reason) + consequence(x.next);
  }
  std::string operator()(const child_refused& x) const {
    const std::string_view id = x.child.id.empty() ? "a child" : x.child.id;
    return supervisor_name(x.child) + ": " + std::string{id} + " was not started: " +
           x.error.message() + (x.reason.is_abnormal() ? why(x.reason) : "");
  }
  std::string operator()(const child_ended& x) const {
    return child(x.child) + " ended" + history(x.child) + why(x.reason) + consequence(x.next);
  }
  std::string operator()(const budget_exhausted& x) const {
    return child(x.child) + " ended once too often: " + budget(x);
  }
  std::string operator()(const child_stop_failed& x) const {
    return child(x.child) +
           (x.had_to_be_killed ? " did not stop in time and was killed" : " stopped badly") +
           why(x.reason);
  }
  std::string operator()(const children_stop_failed& x) const {
    return named(x.child.supervisor, x.child.supervisor_id) + ": " + children(x.count) +
           (x.had_to_be_killed ? " did not stop in time and were killed" : " stopped badly") +
           why(x.reason);
  }
  std::string operator()(const supervisor_stopped& x) const {
    return named(x.supervisor, x.supervisor_id) + " stopped " + children(x.stopped) + ", " +
           std::to_string(x.killed) + " killed" + why(x.reason);
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
  std::string operator()(const process_abandoned& x) const {
    return "process " + named(x.label, x.process) +
           " was killed but waits for something that cannot be cancelled; abandoned";
  }
  std::string operator()(const application_started& x) const {
    return application(x.name) + " started (OS process " + std::to_string(x.os_process) + ')';
  }
  std::string operator()(const application_stopped& x) const {
    return application(x.name) + " stopped" + why(x.reason) + "; exit code " +
           std::to_string(x.exit_code);
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
  static std::string history(const child_info& c) {
    return c.restarts == 0 ? "" : " after " + count(c.restarts, "restart");
  }
  static std::string consequence(next_step next) {
    return next == next_step::none ? "" : "; " + std::string{word(next)};
  }
  std::string why(const exit_reason& reason) const {
    const auto chain = chain_of(reason, style_);
    const std::string text = detail::reason_text(reason, chain);
    return " (" + (chain.empty() ? cut(text, style_) : text) + ')';
  }

  const text_style& style_;
};

// ---- A block of lines

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
  void operator()(const child_start_failed& x) {
    child(x.child, "failed to start");
    why(x.reason);
    offender(x.child);
    next(x.next);
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
    next(x.next);
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
  void operator()(const process_abandoned& x) {
    add("Process " + x.process.to_string() + " abandoned");
    add("It was killed but waits for something that cannot be cancelled");
    if (!x.label.empty()) say("Label", x.label);
  }
  void operator()(const application_started& x) {
    add(capital(application(x.name)) + " started");
    say("OS process", std::to_string(x.os_process));
  }
  void operator()(const application_stopped& x) {
    add(capital(application(x.name)) + " stopped");
    why(x.reason);
    say("Exit code", std::to_string(x.exit_code));
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
    text.front() = 'A';
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
  void next(next_step n) {
    if (n != next_step::none) say("Next", word(n));
  }
  void killed(bool so) {
    if (so) say("Killed", "did not stop in time");
  }
  // `kind` is what Elixir calls a reason that is no exception.
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

std::string to_string(const report& r, const text_style& style) {
  if (!style.multi_line) return on_one_line(std::visit(line{style}, r));
  block b{style};
  std::visit(b, r);
  return b.take();
}

}  // namespace coppice
