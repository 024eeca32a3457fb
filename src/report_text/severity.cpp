#include <coppice/severity.hpp>

#include <coppice/run.hpp>

#include <variant>

namespace coppice {

namespace {

// Severities follow the log levels of OTP's supervisor and gen_server reports: progress is info or
// debug, an abnormal end is an error. The last lambda makes `error` the level of all others, so
// that a new report is not overlooked.

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

severity of_end(const exit_reason& reason) {
  return reason.is_abnormal() ? severity::error : severity::info;
}

}  // namespace

std::string_view to_string(severity s) noexcept {
  switch (s) {
    case severity::debug: return "debug";
    case severity::info: return "info";
    case severity::warning: return "warning";
    case severity::error: break;
  }
  return "error";
}

severity severity_of(const report& r) noexcept {
  return std::visit(
      overloaded{
          [](const child_starting&) { return severity::debug; },
          [](const child_started& x) { return x.by_request ? severity::debug : severity::info; },
          [](const child_ended& x) {
            // In OTP the end of a permanent child is an error in itself, even a normal one.
            const bool expected = x.next == next_step::none || x.next == next_step::shut_down;
            return expected ? of_end(x.reason) : severity::error;
          },
          [](const child_held_back&) { return severity::info; },
          [](const child_recovered&) { return severity::info; },
          [](const supervisor_stopped& x) {
            return x.killed > 0 ? severity::warning : severity::info;
          },
          [](const spec_warning&) { return severity::warning; },
          [](const process_abandoned&) { return severity::warning; },
          // The second one tells for how long, to those who have seen the first one.
          [](const acceptor_paused&) { return severity::warning; },
          [](const acceptor_resumed&) { return severity::warning; },
          [](const loop_blocked&) { return severity::warning; },
          [](const reports_lost&) { return severity::warning; },
          [](const reports_summed_up& x) { return x.level; },
          [](const application_started&) { return severity::info; },
          [](const application_stopped& x) {
            return x.ends_program ? severity::error : of_end(x.reason);
          },
          [](const program_started&) { return severity::info; },
          [](const program_stopped& x) {
            // A second signal that hurries the end is a person's decision, and no failure.
            if (x.exit_code == exit_hurried) return severity::warning;
            return x.exit_code != exit_stopped ? severity::error : of_end(x.reason);
          },
          [](const auto&) { return severity::error; },
      },
      r);
}

}  // namespace coppice
