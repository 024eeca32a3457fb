#include <coppice/spdlog_sink.hpp>

#include <coppice/report_sink.hpp>
#include <coppice/report_text.hpp>

#include "support/scripted.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <exception>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

using coppice::one_for_one;
using coppice::supervisor_spec;

namespace {

// Counts how often it is asked what it says.
class counted : public std::exception {
 public:
  explicit counted(int& asked) : asked_{&asked} {}
  [[nodiscard]] const char* what() const noexcept override {
    ++*asked_;
    return "counted";
  }

 private:
  int* asked_;
};

struct braces {
  struct question {
    friend std::string describe(const question&) { return "{0} {}"; }
  };
  static void handle(const question&) { throw std::runtime_error{"no {} answer"}; }
};

// A logger that writes "level text" into a string.
struct notebook {
  notebook() { logger->set_pattern("%l %v"); }

  [[nodiscard]] std::string text() const { return out.str(); }

  std::ostringstream out;
  std::shared_ptr<spdlog::logger> logger = std::make_shared<spdlog::logger>(
      "notebook", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
};

}  // namespace

TEST_CASE("a logger of spdlog gets reports at the level of their severity") {
  scene s;
  notebook n;
  n.logger->set_level(spdlog::level::debug);
  coppice::set_report_sink(s.io, coppice::spdlog_sink(n.logger));
  s["b"].stop = stop_as::ignores;
  const auto sup = s.supervise(
      supervisor_spec{.name = "top", .strategy = one_for_one, .children = {s.child("a")}});
  s.start(sup, s.child("b").with_shutdown(1s));
  s.crashes("a");
  s.clock.settle();
  begin(sup.stop());
  s.clock.advance(1s);
  CHECK(n.text() ==
        "debug top: a starting\n"
        "info top: a <2> started\n"
        "debug top: b starting\n"
        "debug top: b <3> started\n"
        "error process a <2> crashed (std::runtime_error: boom)\n"
        "error top: a <2> ended (std::runtime_error: boom); restarting\n"
        "debug top: a starting\n"
        "info top: a <4> started\n"
        "error top: b <3> did not stop in time and was killed (killed); it waited for a message\n"
        "warning top <1> stopped 2 children in 1 s, 1 killed (normal)\n");
}

TEST_CASE("what a logger of spdlog would not log is not even formatted") {
  notebook n;
  const coppice::report_sink sink = coppice::spdlog_sink(n.logger);
  int asked = 0;
  const auto reason = exit_reason::error(std::make_exception_ptr(counted{asked}));
  const coppice::process_crashed crash{.process = {}, .label = "a", .reason = reason};
  n.logger->set_level(spdlog::level::critical);
  sink(crash);
  CHECK(n.text().empty());
  CHECK(asked == 0);
  n.logger->set_level(spdlog::level::err);
  sink(crash);
  CHECK_FALSE(n.text().empty());
  CHECK(asked > 0);
}

TEST_CASE("a logger of spdlog takes the style of the texts, and leaves braces alone") {
  scene s;
  notebook n;
  coppice::set_report_sink(s.io,
                           coppice::spdlog_sink(n.logger, {.multi_line = true, .details = false}));
  const auto server = coppice::start_server<braces>(s.io, "braces");
  server.cast(braces::question{});
  s.clock.settle();
  CHECK(n.text() ==
        "error GenServer braces terminating\n"
        "** (std::runtime_error) no {} answer\n"
        "Last message: {0} {}\n");
}

TEST_CASE("a sink for spdlog needs a logger") {
  CHECK_THROWS_AS((void)coppice::spdlog_sink(nullptr), std::invalid_argument);
}
