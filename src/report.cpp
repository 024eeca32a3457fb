#include <coppice/report.hpp>

#include <coppice/detail/scheduler.hpp>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <variant>

namespace coppice {

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

std::string name(std::string_view label, const pid& id) {
  std::string text{label};
  if (!text.empty()) text += ' ';
  return text + id.to_string();
}

std::string child_name(const child_info& c) {
  std::string text{c.supervisor};
  text += text.empty() ? c.supervisor_id.to_string() + ": " : ": ";
  return text + name(c.id, c.process);
}

std::string_view consequence(next_step next) {
  switch (next) {
    case next_step::none: return "";
    case next_step::restart: return "; restarting";
    case next_step::give_up: return "; giving up";
    case next_step::shut_down: return "; shutting down";
  }
  return "";
}

std::string count(std::size_t n, std::string_view what) {
  return std::to_string(n) + ' ' + std::string{what} + (n == 1 ? "" : "s");
}

std::string history(const child_info& c) {
  return c.restarts == 0 ? "" : " after " + count(c.restarts, "restart");
}

}  // namespace

std::string to_string(const report& r) {
  return std::visit(
      overloaded{
          [](const child_starting& x) {
            return std::string{x.child.supervisor} + ": " + std::string{x.child.id} + " starting";
          },
          [](const child_started& x) { return child_name(x.child) + " started"; },
          [](const child_start_failed& x) {
            return child_name(x.child) + " failed to start (" + x.reason.to_string() + ")" +
                   std::string{consequence(x.next)};
          },
          [](const child_ended& x) {
            return child_name(x.child) + " ended" + history(x.child) + " (" +
                   x.reason.to_string() + ")" + std::string{consequence(x.next)};
          },
          [](const budget_exhausted& x) {
            char period[32];
            std::snprintf(period, sizeof period, "%g s", x.period_seconds);
            return child_name(x.child) + " ended once too often: more than " +
                   count(x.restarts, "restart") + " in " + period;
          },
          [](const child_stop_failed& x) {
            return child_name(x.child) +
                   (x.had_to_be_killed ? " did not stop in time and was killed ("
                                       : " stopped badly (") +
                   x.reason.to_string() + ")";
          },
          [](const children_stop_failed& x) {
            return name(x.supervisor, x.supervisor_id) + ": " + std::to_string(x.count) +
                   " children" +
                   (x.had_to_be_killed ? " did not stop in time and were killed ("
                                       : " stopped badly (") +
                   x.reason.to_string() + ")";
          },
          [](const supervisor_stopped& x) {
            return name(x.supervisor, x.supervisor_id) + " stopped " +
                   (x.stopped == 1 ? "1 child" : std::to_string(x.stopped) + " children") + ", " +
                   std::to_string(x.killed) + " killed (" + x.reason.to_string() + ")";
          },
          [](const spec_warning& x) {
            return std::string{x.supervisor} + ": " + std::string{x.text};
          },
          [](const process_crashed& x) {
            return "process " + name(x.label, x.process) + " crashed (" + x.reason.to_string() + ")";
          },
          [](const server_terminated& x) {
            std::string text = "server " + name(x.name, x.process) + " terminating (" +
                               x.reason.to_string() + ")";
            if (!x.last_message.empty()) text += "; last message: " + std::string{x.last_message};
            if (!x.state.empty()) text += "; state: " + std::string{x.state};
            return text;
          },
          [](const state_discarded& x) {
            return "server " + name(x.name, x.process) + " starts afresh: its state crashed it " +
                   count(x.crashes, "time") + " in a row; state: " + std::string{x.state};
          },
          [](const state_lost& x) {
            return "server " + name(x.name, x.process) + " has lost its state (" +
                   x.reason.to_string() + ")";
          },
          [](const task_terminated& x) {
            std::string text = "task " + name(x.label, x.process);
            if (!x.callers.empty()) text += " started by " + x.callers.front().to_string();
            text += " terminating (" + x.reason.to_string() + ")";
            if (x.callers.size() < 2) return text;
            text += "; callers:";
            for (const pid& caller : x.callers) text += ' ' + caller.to_string();
            return text;
          },
          [](const process_abandoned& x) {
            return "process " + name(x.label, x.process) +
                   " was killed but waits for something that cannot be cancelled; abandoned";
          },
      },
      r);
}

bool is_alarming(const report& r) noexcept {
  return std::visit(
      overloaded{
          [](const child_starting&) { return false; },
          [](const child_started&) { return false; },
          [](const child_start_failed&) { return true; },
          [](const child_ended& x) { return x.reason.is_abnormal() || x.next != next_step::none; },
          [](const budget_exhausted&) { return true; },
          [](const child_stop_failed&) { return true; },
          [](const supervisor_stopped& x) { return x.killed > 0; },
          [](const auto&) { return true; },
      },
      r);
}

void print_report(const report& r) {
  if (!is_alarming(r)) return;
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char clock[16];
  std::strftime(clock, sizeof clock, "%H:%M:%S", &local);
  std::fprintf(stderr, "%s.%03d [coppice] %s\n", clock, static_cast<int>(ms), to_string(r).c_str());
}

void set_report_sink(boost::asio::io_context& io, report_sink sink) {
  detail::scheduler::of(io).set_sink(std::move(sink));
}

}  // namespace coppice
