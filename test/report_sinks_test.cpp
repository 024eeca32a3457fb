#include "support/ending.hpp"
#include "support/scripted.hpp"

#include <coppice/detail/runtime/scheduler.hpp>

#include <coppice/report_fields.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/report_text.hpp>
#include <coppice/severity.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

using texts = std::vector<std::string>;

namespace {

asio::awaitable<void> boom() {
  throw std::runtime_error{"boom"};
  co_return;
}

// One process after another crashes.
void crash(scene& s, int times = 1) {
  for (int n = 0; n < times; ++n) {
    coppice::spawn(s.io, boom, "a");
    s.clock.settle();
  }
}

std::string kind_of(const coppice::report& r) { return coppice::fields_of(r).front().value; }

}  // namespace

TEST_CASE("a sink may set another, and stays where it is until it returns") {
  scene s;
  texts told;
  std::string log;
  coppice::set_report_sink(s.io, [&, name = std::make_shared<traced>(log, "first"),
                                  text = std::string(100, 'x')](const coppice::report&) {
    coppice::set_report_sink(s.io, [&](const coppice::report& r) { told.push_back(kind_of(r)); });
    log += "set ";
    told.push_back(text);
  });
  crash(s, 2);
  CHECK(told == texts{std::string(100, 'x'), "process_crashed"});
  CHECK(log == "set first ");
}

TEST_CASE("a sink so small that it needs no memory may set another too") {
  scene s;
  struct state {
    asio::io_context& io;
    int first = 0;
    int second = 0;
  } seen{s.io};
  coppice::set_report_sink(s.io, [&seen](const coppice::report&) {
    state* volatile elsewhere = nullptr;
    coppice::set_report_sink(seen.io, [elsewhere, &seen](const coppice::report&) {
      seen.second += elsewhere == nullptr ? 1 : 0;
    });
    ++seen.first;
  });
  crash(s, 2);
  CHECK(seen.first == 1);
  CHECK(seen.second == 1);
}

TEST_CASE("a sink may turn reports off") {
  scene s;
  int told = 0;
  coppice::set_report_sink(s.io, [&, text = std::string(100, 'x')](const coppice::report&) {
    coppice::set_report_sink(s.io, {});
    told += static_cast<int>(text.size());
  });
  crash(s, 2);
  CHECK(told == 100);
}

TEST_CASE("what is reported while a sink runs that has set another goes to that") {
  scene s;
  texts told;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    coppice::set_report_sink(
        s.io, [&](const coppice::report& inner) { told.push_back("second: " + kind_of(inner)); });
    coppice::detail::scheduler::of(s.io).tell(coppice::spec_warning{"top", "text"});
    told.push_back("first: " + kind_of(r));
  });
  crash(s);
  CHECK(told == texts{"second: spec_warning", "first: process_crashed"});
}

TEST_CASE("a sink that is destroyed may set another") {
  scene s;
  texts told;
  struct farewell {
    scene& s;
    texts& told;
    ~farewell() {
      coppice::set_report_sink(s.io,
                               [&t = told](const coppice::report& r) { t.push_back(kind_of(r)); });
    }
  };
  const auto with_farewell = [&](bool by_itself) {
    coppice::set_report_sink(
        s.io, [&, by_itself, last = std::make_shared<farewell>(s, told)](const coppice::report&) {
          if (by_itself) coppice::set_report_sink(s.io, {});
        });
  };
  with_farewell(false);
  coppice::set_report_sink(s.io, {});
  crash(s);
  CHECK(told == texts{"process_crashed"});
  with_farewell(true);
  crash(s, 2);
  CHECK(told == texts{"process_crashed", "process_crashed"});
}

TEST_CASE("reports at which a sink throws are counted, and told before the next") {
  scene s;
  bool full = true;
  texts told;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (full) throw std::runtime_error{"the disk is full"};
    told.push_back(to_string(r));
  });
  crash(s, 3);
  full = false;
  crash(s, 2);
  CHECK(told == texts{"3 reports could not be told (std::runtime_error: the disk is full)",
                      "process a <4> crashed (std::runtime_error: boom)",
                      "process a <5> crashed (std::runtime_error: boom)"});
}

TEST_CASE("reports that one sink has lost are told to the next") {
  scene s;
  texts told;
  coppice::set_report_sink(s.io, [&](const coppice::report&) {
    coppice::set_report_sink(s.io, [&](const coppice::report& r) { told.push_back(kind_of(r)); });
    throw 13;
  });
  crash(s, 2);
  CHECK(told == texts{"reports_lost", "process_crashed"});
}

TEST_CASE("a sink that fails at every report gets each of them, and the count grows no faster") {
  scene s;
  bool full = true;
  texts told;
  std::size_t lost = 0;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::reports_lost>(&r)) lost = x->count;
    if (!std::holds_alternative<coppice::reports_lost>(r)) told.push_back(kind_of(r));
    if (full) throw std::runtime_error{"the disk is full"};
  });
  crash(s, 10);
  CHECK(told.size() == 10);
  full = false;
  crash(s);
  CHECK(lost == 10);
}

TEST_CASE("a sink that reports on itself is told so deep only, and hears of the rest later") {
  scene s;
  int calls = 0;
  std::string lost;
  coppice::set_report_sink(s.io, [&](const coppice::report& r) {
    ++calls;
    if (std::holds_alternative<coppice::reports_lost>(r)) lost = to_string(r);
    REQUIRE(calls < 1000);
    coppice::detail::scheduler::of(s.io).tell(coppice::spec_warning{"top", "again"});
  });
  crash(s);
  CHECK(calls == 8);
  crash(s);
  CHECK(calls == 3 * 8);
  CHECK(lost ==
        "1 report could not be told (std::length_error: coppice: told in the midst of too many "
        "others)");
}

TEST_CASE("reports that were lost are a warning, and told in blocks and fields") {
  const coppice::exit_reason reason = coppice::exit_reason::error("full");
  const coppice::reports_lost lost{1, reason};
  CHECK(severity_of(lost) == coppice::severity::warning);
  CHECK(to_string(lost, {.multi_line = true}) == "1 report could not be told\n** (exit) full");
  CHECK(coppice::fields_of(lost) == std::vector<coppice::report_field>{{"kind", "reports_lost"},
                                                                       {"severity", "warning"},
                                                                       {"reason", "error: full"},
                                                                       {"count", "1"}});
}
