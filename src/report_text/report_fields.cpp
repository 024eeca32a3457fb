#include "report_words.hpp"

#include <coppice/dump.hpp>
#include <coppice/process_info.hpp>
#include <coppice/report_fields.hpp>
#include <coppice/severity.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

namespace {

using detail::word;

// A report as fields, for log backends that index them. A visitor has one function for each report,
// so a new report does not compile until it has its fields. Empty values are left out; keys and
// their order are part of the interface, since users' queries depend on them.
class collector {
 public:
  explicit collector(severity s) : severity_{s} {}

  std::vector<report_field> take() { return std::move(fields_); }

  void operator()(const child_starting& x) {
    kind("child_starting");
    child(x.child);
  }
  void operator()(const child_started& x) {
    kind("child_started");
    child(x.child);
    add("by_request", detail::yes_or_no(x.by_request));
  }
  void operator()(const child_held_back& x) {
    kind("child_held_back");
    child(x.child);
    add("awaited", x.awaited);
  }
  void operator()(const child_recovered& x) {
    kind("child_recovered");
    child(x.child);
  }
  void operator()(const child_start_failed& x) {
    kind("child_start_failed");
    child(x.child);
    why(x.reason);
    next(x.next, x.pause);
  }
  void operator()(const child_refused& x) {
    kind("child_refused");
    child(x.child);
    add("error", x.error.message());
    if (x.reason.is_abnormal()) why(x.reason);
  }
  void operator()(const child_ended& x) {
    kind("child_ended");
    child(x.child);
    why(x.reason);
    next(x.next, x.pause);
  }
  void operator()(const budget_exhausted& x) {
    kind("budget_exhausted");
    child(x.child);
    add("intensity", std::to_string(x.intensity));
    add("period", detail::seconds(x.period));
  }
  void operator()(const child_stop_failed& x) {
    kind("child_stop_failed");
    child(x.child);
    why(x.reason);
    add("killed", detail::yes_or_no(x.had_to_be_killed));
    add("waited", x.waited);
  }
  void operator()(const children_stop_failed& x) {
    kind("children_stop_failed");
    supervisor(x.child.supervisor, x.child.supervisor_id);
    policy(x.child);
    why(x.reason);
    add("killed", detail::yes_or_no(x.had_to_be_killed));
    add("count", std::to_string(x.count));
  }
  void operator()(const supervisor_stopped& x) {
    kind("supervisor_stopped");
    supervisor(x.supervisor, x.supervisor_id);
    why(x.reason);
    add("killed", std::to_string(x.killed));
    add("took", detail::seconds(x.took));
    add("count", std::to_string(x.stopped));
  }
  void operator()(const spec_warning& x) {
    kind("spec_warning");
    supervisor(x.supervisor, {});
    add("text", x.text);
  }
  void operator()(const process_crashed& x) {
    kind("process_crashed");
    process(x.process);
    add("name", x.name);
    add("label", x.label);
    add("supervised", detail::yes_or_no(x.supervised));
    why(x.reason);
    surroundings(x.process);
  }
  void operator()(const server_terminated& x) {
    kind("server_terminated");
    process(x.process);
    add("name", x.name);
    why(x.reason);
    add("last_message", x.last_message);
    add("state", x.state);
    if (x.client) {
      add("client", x.client.to_string());
      add("client_name", x.client_name);
      add("client_alive", detail::yes_or_no(x.client_alive));
    }
    add("pending", listed(x.pending));
    surroundings(x.process);
  }
  void operator()(const task_terminated& x) {
    kind("task_terminated");
    process(x.process);
    add("label", x.label);
    add("callers", listed(x.callers));
    why(x.reason);
    surroundings(x.process);
  }
  void operator()(const state_discarded& x) {
    kind("state_discarded");
    process(x.process);
    add("name", x.name);
    add("state", x.state);
    add("count", std::to_string(x.crashes));
  }
  void operator()(const state_lost& x) {
    kind("state_lost");
    process(x.process);
    add("name", x.name);
    why(x.reason);
  }
  void operator()(const deadlock_refused& x) {
    kind("deadlock_refused");
    add("circle", listed(x.circle));
  }
  void operator()(const process_hung& x) {
    kind("process_hung");
    process(x.process);
    add("label", x.label);
    add("limit", detail::seconds(x.limit));
    std::string stack;
    for (const std::string& frame : stack_of(x.process)) {
      stack += (stack.empty() ? "" : " < ") + frame;
    }
    add("stack", stack);
    surroundings(x.process);
  }
  void operator()(const process_abandoned& x) {
    kind("process_abandoned");
    process(x.process);
    add("label", x.label);
    surroundings(x.process);
  }
  void operator()(const acceptor_paused& x) {
    kind("acceptor_paused");
    acceptor(x);
  }
  void operator()(const acceptor_resumed& x) {
    kind("acceptor_resumed");
    acceptor(x);
    add("count", std::to_string(x.pauses));
    add("period", detail::seconds(x.period));
  }
  void operator()(const loop_blocked& x) {
    kind("loop_blocked");
    process(x.process);
    add("label", x.label);
    add("time", detail::blocked_time(x));
    std::string stack;
    for (const std::string& frame : x.stack) (stack += stack.empty() ? "" : "\n") += frame;
    add("stack", stack);
  }
  void operator()(const application_started& x) {
    kind("application_started");
    process(x.process);
    add("name", x.name);
    add("type", detail::word(x.type));
  }
  void operator()(const application_stopped& x) {
    kind("application_stopped");
    process(x.process);
    add("name", x.name);
    add("type", detail::word(x.type));
    why(x.reason);
    add("ends_program", detail::yes_or_no(x.ends_program));
  }
  void operator()(const program_started& x) {
    kind("program_started");
    process(x.process);
    add("name", x.name);
    add("os_process", std::to_string(x.os_process));
  }
  void operator()(const program_stopped& x) {
    kind("program_stopped");
    process(x.process);
    add("name", x.name);
    why(x.reason);
    add("exit_code", std::to_string(x.exit_code));
    add("killed", detail::listed(x.killed, 0, std::identity{}));
  }
  void operator()(const reports_lost& x) {
    kind("reports_lost");
    why(x.reason);
    add("count", std::to_string(x.count));
  }
  void operator()(const reports_summed_up& x) {
    kind("reports_summed_up");
    add("supervised", detail::yes_or_no(x.supervised));
    add("count", std::to_string(x.count));
    add("period", detail::seconds(x.period));
    add("text", x.text);
  }

 private:
  template <class Range>
  static std::string listed(const Range& processes) {
    return detail::listed(processes, 0, [](const pid& p) { return p.to_string(); });
  }

  void add(std::string_view key, std::string_view value) {
    if (!value.empty()) fields_.push_back({key, std::string{value}});
  }
  void kind(std::string_view name) {
    add("kind", name);
    add("severity", to_string(severity_));
  }
  void process(const pid& p) {
    if (p) add("process", p.to_string());
  }
  void supervisor(std::string_view name, const pid& p) {
    add("supervisor", name);
    if (p) add("supervisor_process", p.to_string());
  }
  template <class Report>
  void acceptor(const Report& x) {
    process(x.process);
    add("name", x.name);
    if (x.error) add("error", x.error.message());
    add("connections", std::to_string(x.connections));
  }
  void child(const child_info& c) {
    supervisor(c.supervisor, c.supervisor_id);
    add("child", c.id);
    process(c.process);
    add("restarts", std::to_string(c.restarts));
    policy(c);
  }
  void policy(const child_info& c) {
    add("restart", word(c.restart));
    add("significant", detail::yes_or_no(c.significant));
    add("shutdown", word(c.shutdown));
    add("type", word(c.type));
  }
  // Adds what coppice knows of a process as long as it exists. Crash reports are told before the
  // process disappears, so these fields are there.
  void surroundings(const pid& p) {
    const auto known = info(p);
    if (!known) return;
    add("ancestors", listed(known->ancestors));
    add("links", listed(known->links));
  }
  void next(next_step n, std::chrono::steady_clock::duration pause) {
    add("next", word(n));
    if (pause > pause.zero()) add("pause", detail::seconds(pause));
  }
  // The type of the outermost exception is a field of its own, by which backends can group.
  void why(const exit_reason& reason) {
    const auto chain = detail::exception_chain(reason);
    add("reason", detail::reason_text(reason, chain));
    if (!chain.empty()) add("exception_type", chain.front().type);
  }

  const severity severity_;
  std::vector<report_field> fields_;
};

}  // namespace

std::vector<report_field> fields_of(const report& r) {
  collector c{severity_of(r)};
  std::visit(c, r);
  return c.take();
}

}  // namespace coppice
