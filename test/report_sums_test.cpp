#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using coppice::exit_reason;
using coppice::one_for_one;
using coppice::supervisor_spec;
using texts = std::vector<std::string>;

namespace {

asio::awaitable<void> crash_with(std::string text) {
  throw std::runtime_error{text};
  co_return;
}

asio::awaitable<void> ends_with_text() { co_await coppice::exit(exit_reason::error("boom")); }

asio::awaitable<void> waits() { co_await coppice::sleep_for(24h); }

// A world that sums up what it writes down.
struct summing : scene {
  explicit summing(coppice::sum_up_options o = {}) {
    coppice::set_report_sink(io, coppice::sum_up(io, sink(), o));
    keeper = coppice::spawn(io, waits);
  }

  coppice::report_sink sink() {
    return [this](const coppice::report& r) { told.push_back(to_string(r)); };
  }
  void crash(int times = 1, const std::string& label = "a", const std::string& text = "boom") {
    for (int n = 0; n < times; ++n) {
      coppice::spawn(
          io, [text] { return crash_with(text); }, label);
      clock.settle();
    }
  }
  // What was told since the last time.
  texts news() { return std::exchange(told, {}); }

  texts told;
  coppice::pid keeper;  // as long as it lives, so does the loop
};

std::string crashed(int number, const std::string& label = "a", const std::string& text = "boom") {
  return "process " + label + " <" + std::to_string(number) +
         "> crashed (std::runtime_error: " + text + ")";
}

}  // namespace

TEST_CASE(
    "of equal reports the first are told at once, and the others as one when the time is up") {
  summing s{{.at_once = 2, .period = 5s}};
  s.crash(2);
  CHECK(s.news() == texts{crashed(2), crashed(3)});
  s.clock.advance(2s);
  s.crash(40);
  CHECK(s.news().empty());
  s.clock.advance(3s);
  CHECK(s.news() == texts{crashed(4) + " (and 39 more like it within 2 s)"});
}

TEST_CASE("while a storm lasts it is told of once in a period") {
  summing s{{.at_once = 2, .period = 5s}};
  for (int second = 0; second < 20; ++second) {
    s.crash(10);
    s.clock.advance(1s);
  }
  s.clock.advance(1min);
  CHECK(s.news() == texts{crashed(2), crashed(3), crashed(4) + " (and 47 more like it within 4 s)",
                          crashed(52) + " (and 49 more like it within 4 s)",
                          crashed(102) + " (and 49 more like it within 4 s)",
                          crashed(152) + " (and 49 more like it within 4 s)"});
}

TEST_CASE("when a storm is over the next reports are first ones again") {
  summing s{{.at_once = 1, .period = 5s}};
  s.crash(3);
  s.clock.advance(5s);
  CHECK(s.news() == texts{crashed(2), crashed(3) + " (and 1 more like it)"});
  s.clock.advance(5s);
  s.crash();
  CHECK(s.news() == texts{crashed(5)});
}

TEST_CASE("a report that comes alone after the first ones is told late, as it is") {
  summing s{{.at_once = 2, .period = 5s}};
  s.crash(3);
  s.news();
  s.clock.advance(5s);
  CHECK(s.news() == texts{crashed(4)});
}

TEST_CASE("reports that differ in label, in reason or in kind are told each by itself") {
  summing s{{.at_once = 1}};
  s.crash(1, "a");
  s.crash(1, "b");
  s.crash(1, "a", "bang");
  coppice::spawn(
      s.io,
      []() -> asio::awaitable<void> {
        throw std::logic_error{"boom"};
        co_return;
      },
      "a");
  coppice::spawn(s.io, ends_with_text, "a");
  s.clock.settle();
  CHECK(s.news().size() == 5);
}

TEST_CASE("nested exceptions belong to the reason") {
  summing s{{.at_once = 1}};
  const auto nested = [&s](const char* inner) {
    const auto body = [inner]() -> asio::awaitable<void> {
      try {
        throw std::runtime_error{inner};
      } catch (...) {
        std::throw_with_nested(std::logic_error{"outer"});
      }
      co_return;
    };
    coppice::spawn(s.io, body, "a");
    s.clock.settle();
  };
  nested("one");
  nested("two");
  nested("one");
  CHECK(s.news().size() == 2);
}

TEST_CASE("an escalation is always told, and before it what has led to it") {
  summing s{{.at_once = 1}};
  const auto body = []() -> asio::awaitable<void> { return crash_with("boom"); };
  s.supervise(supervisor_spec{.name = "top",
                              .strategy = one_for_one,
                              .intensity = 3,
                              .period = 5s,
                              .children = {coppice::worker("child", body)}});
  texts ends;
  for (std::string& line : s.news()) {
    if (line.find(" ended") != std::string::npos) ends.push_back(std::move(line));
  }
  CHECK(ends == texts{"top: child <3> ended (std::runtime_error: boom); restarting",
                      "top: child <4> ended after 1 restart (std::runtime_error: boom); "
                      "restarting (and 1 more like it)",
                      "top: child <6> ended after 3 restarts (std::runtime_error: boom); giving up",
                      "top: child <6> ended once too often: more than 3 restarts in 5 s"});
}

TEST_CASE("the stop of a program is told last, and before it what is still counted") {
  asio::io_context io{1};
  coppice::virtual_clock clock{io};
  texts told;
  const auto sink = [&told](const coppice::report& r) {
    told.push_back(coppice::fields_of(r).front().value);
  };
  coppice::set_report_sink(io, coppice::sum_up(io, sink, {.at_once = 1}));
  const auto body = []() -> asio::awaitable<void> {
    for (int n = 0; n < 3; ++n) coppice::spawn([] { return crash_with("boom"); });
    co_await coppice::yield();
  };
  coppice::run(
      io, {.name = "demo",
           .strategy = one_for_one,
           .auto_shutdown = coppice::auto_shutdown::any_significant,
           .children = {
               coppice::worker("a", body).with_restart(coppice::transient).with_significant()}});
  const auto sum = std::ranges::find(told, "reports_summed_up");
  CHECK(sum != told.end());
  CHECK(told.back() == "program_stopped");
}

TEST_CASE("what is counted is told when the sink is replaced") {
  summing s{{.at_once = 1}};
  s.crash(4);
  CHECK(s.news() == texts{crashed(2)});
  coppice::set_report_sink(s.io, {});
  CHECK(s.news() == texts{crashed(3) + " (and 2 more like it)"});
  s.clock.advance(1min);
  CHECK(s.news().empty());
}

TEST_CASE("what is counted is told when the last process ends, and keeps no loop running") {
  summing s{{.at_once = 1}};
  s.crash(3);
  s.news();
  coppice::kill(s.keeper);
  s.clock.settle();
  CHECK(s.news() == texts{crashed(3) + " (and 1 more like it)"});
  CHECK_FALSE(s.clock.jump());
}

TEST_CASE("processes that crash one by one, each alone, are summed up too") {
  summing s{{.at_once = 1, .period = 5s}};
  coppice::kill(s.keeper);
  s.crash(100);
  CHECK(s.news() == texts{crashed(2), crashed(3)});
  CHECK_FALSE(s.clock.jump());
  s.clock.advance(5s);
  s.crash(1, "b");
  CHECK(s.news() == texts{crashed(4) + " (and 97 more like it)", crashed(102, "b")});
}

TEST_CASE("many different reports are told each by itself, and forget none that is counted") {
  summing s{{.at_once = 1}};
  s.crash(3, "first");
  for (int n = 0; n < 200; ++n) s.crash(1, "other", std::to_string(n));
  const texts told = s.news();
  CHECK(told.size() == 202);
  CHECK(std::ranges::count(told, crashed(3, "first") + " (and 1 more like it)") == 1);
}

TEST_CASE("a sink behind a sum may set another, or fail") {
  summing s{{.at_once = 1, .period = 5s}};
  SUBCASE("when it hears of a report") {
    coppice::set_report_sink(
        s.io, coppice::sum_up(s.io, [&s, text = std::string(100, 'x')](const coppice::report&) {
          coppice::set_report_sink(s.io, s.sink());
          s.told.push_back(text);
        }));
    s.crash(2);
    CHECK(s.news() == texts{std::string(100, 'x'), crashed(3)});
  }
  SUBCASE("when it hears of a sum") {
    const auto sink = [&s, text = std::string(100, 'x')](const coppice::report& r) {
      if (!std::holds_alternative<coppice::reports_summed_up>(r)) return;
      coppice::set_report_sink(s.io, s.sink());
      s.told.push_back(text);
    };
    coppice::set_report_sink(s.io, coppice::sum_up(s.io, sink, {.at_once = 1, .period = 5s}));
    s.crash(2);
    s.clock.advance(5s);
    s.crash();
    CHECK(s.news() == texts{std::string(100, 'x'), crashed(4)});
  }
  SUBCASE("when it hears of a sum, and throws") {
    bool full = true;
    const auto sink = [&](const coppice::report& r) {
      if (full && std::holds_alternative<coppice::reports_summed_up>(r)) throw 13;
      s.told.push_back(to_string(r));
    };
    coppice::set_report_sink(s.io, coppice::sum_up(s.io, sink, {.at_once = 1, .period = 5s}));
    s.crash(2);
    s.clock.advance(10s);
    full = false;
    s.crash();
    CHECK(s.news() == texts{crashed(2), "1 report could not be told (int)", crashed(4)});
  }
}

TEST_CASE("a sum may be kept beyond its io_context") {
  coppice::report_sink kept;
  {
    summing s{{.at_once = 1}};
    kept = coppice::sum_up(s.io, [](const coppice::report&) {}, {.at_once = 1});
    coppice::set_report_sink(s.io, kept);
    s.crash(3);
  }
  CHECK(kept);
}

TEST_CASE("a sum is of the severity of its reports, and told in blocks and fields") {
  const coppice::reports_summed_up sum{
      .level = coppice::severity::error, .text = "top: a <3> ended", .count = 3, .period = 1500ms};
  CHECK(severity_of(sum) == coppice::severity::error);
  CHECK(to_string(sum, {.multi_line = true}) ==
        "top: a <3> ended\nSummed up: 2 more like it within 1.5 s");
  CHECK(coppice::fields_of(sum) ==
        std::vector<coppice::report_field>{{"kind", "reports_summed_up"},
                                           {"severity", "error"},
                                           {"supervised", "no"},
                                           {"count", "3"},
                                           {"period", "1.5 s"},
                                           {"text", "top: a <3> ended"}});
}

TEST_CASE("sums need a sink, something to tell at once, and a period that lasts") {
  asio::io_context io;
  const auto sink = [](const coppice::report&) {};
  CHECK_THROWS_AS((void)coppice::sum_up(io, nullptr), std::invalid_argument);
  CHECK_THROWS_AS((void)coppice::sum_up(io, sink, {.at_once = 0}), std::invalid_argument);
  CHECK_THROWS_AS((void)coppice::sum_up(io, sink, {.period = 0s}), std::invalid_argument);
  CHECK_NOTHROW((void)coppice::sum_up(io, sink, {.period = coppice::detail::duration::max()}));
}

namespace {

// What an io_context with the sink that it has from the beginning prints, without times.
template <class F>
std::string printed(F f) {
  std::FILE* const file = std::tmpfile();
  const int kept = ::dup(2);
  ::dup2(::fileno(file), 2);
  f();
  ::dup2(kept, 2);
  ::close(kept);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return std::regex_replace(text, std::regex{"\\d\\d:\\d\\d:\\d\\d\\.\\d\\d\\d "}, "");
}

asio::awaitable<void> crash_after_a_second() {
  co_await coppice::sleep_for(1s);
  throw std::runtime_error{"boom"};
}

}  // namespace

TEST_CASE("what is printed by default is summed up, to the last") {
  const std::string text = printed([] {
    asio::io_context io{1};
    coppice::virtual_clock clock{io};
    coppice::spawn(io, waits);
    for (int n = 0; n < 100; ++n) coppice::spawn(io, crash_after_a_second, "a");
    clock.advance(1s);
  });
  std::string expected;
  for (int n = 2; n < 7; ++n) {
    expected += "[coppice] " + crashed(n) + '\n';
  }
  expected += "[coppice] " + crashed(7) + " (and 94 more like it)\n";
  CHECK(text == expected);
}
