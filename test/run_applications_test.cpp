#include "support/printed.hpp"
#include "support/scripted.hpp"

#include <coppice/run_applications.hpp>
#include <coppice/stop_program.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using coppice::application_spec;
using coppice::one_for_one;
using coppice::supervisor_spec;
using coppice::temporary;

namespace {

// What a program does here needs no time, since it comes from the program itself.
struct program : players {
  program() { coppice::set_report_sink(io, {}); }

  // An application with a child that does something once it runs, after one that only waits.
  template <class F>
  application_spec app(std::string name, F act) {
    application_spec spec{.name = name};
    spec.start = [this, name, act] {
      const auto body = [act]() -> asio::awaitable<void> {
        act();
        co_await coppice::sleep_for(1h);
      };
      return supervisor_spec{.strategy = one_for_one,
                             .intensity = 0,
                             .children = {child(name), coppice::worker("acts", body)}};
    };
    return spec;
  }
  std::string log() { return take_log(); }

  asio::io_context io{1};
};

void nothing() {}

}  // namespace

// APP-14
TEST_CASE("a signal stops all applications in reverse, and the program ends well") {
  for (const int signal : {SIGINT, SIGTERM}) {
    program p;
    CHECK(coppice::run_applications(p.io, {p.app("a", nothing), p.app("b", [=] {
                                             std::raise(signal);
                                           })}) == coppice::exit_stopped);
    CHECK(p.log() == "+a +b -b -a");
    CHECK(coppice::processes(p.io).empty());
  }
}

// APP-09
TEST_CASE("the end of a permanent application ends the program, which has failed") {
  program p;
  const auto crash = [] { throw std::runtime_error{"boom"}; };
  CHECK(coppice::run_applications(p.io, {p.app("a", nothing), p.app("b", crash)}) ==
        coppice::exit_gave_up);
  CHECK(p.log() == "+a +b -b -a");
}

TEST_CASE("a program whose application does not start says so") {
  program p;
  p["b"].then = start_as::fails;
  CHECK(coppice::run_applications(p.io, {p.app("a", nothing), p.app("b", nothing)}) ==
        coppice::exit_start_failed);
  CHECK(p.log() == "+a !b -a");
}

TEST_CASE("a program whose plan breaks a rule says so, and starts nothing") {
  program p;
  const std::string said = printed([&] {
    CHECK(coppice::run_applications(p.io, {p.app("a", nothing), p.app("a", nothing)}) ==
          coppice::exit_bad_spec);
    CHECK(coppice::run_applications(p.io, {p.app("a", nothing)}, {.run = {.settle = -1s}}) ==
          coppice::exit_bad_spec);
  });
  CHECK(said ==
        "coppice: application a: one of that name is loaded\n"
        "coppice: the time in which a program settles must not be negative\n");
  CHECK(p.log().empty());
}

TEST_CASE("a program can be asked from inside to stop, with an exit code") {
  for (const int code : {0, 7}) {
    program p;
    CHECK(coppice::run_applications(p.io, {p.app("a", nothing), p.app("b", [=] {
                                             coppice::stop_program(code);
                                             coppice::stop_program(99);
                                           })}) == code);
    CHECK(p.log() == "+a +b -b -a");
  }
}

TEST_CASE("so can one that is run as a single tree") {
  program p;
  const auto body = []() -> asio::awaitable<void> {
    coppice::stop_program(5);
    co_await coppice::sleep_for(1h);
  };
  CHECK(coppice::run(p.io, {.strategy = one_for_one,
                            .children = {p.child("a"), coppice::worker("b", body)}}) == 5);
  CHECK(p.log() == "+a -a");
}

TEST_CASE("another thread can ask a program to stop") {
  program p;
  std::thread other;
  CHECK(coppice::run_applications(p.io, {p.app("a", [&] {
                                    other = std::thread{[&p] { coppice::stop_program(p.io, 3); }};
                                  })}) == 3);
  other.join();
  CHECK(p.log() == "+a -a");
}

TEST_CASE("a program that does not run is not stopped") {
  program p;
  coppice::stop_program(p.io, 3);
  p.io.poll();
  CHECK_THROWS_AS(coppice::stop_program(), std::logic_error);
  CHECK(coppice::run_applications(p.io, {p.app("a", [] { std::raise(SIGTERM); })}) ==
        coppice::exit_stopped);
}

TEST_CASE("one program of applications may run after another on the same io_context") {
  program p;
  for (int i = 0; i < 3; ++i) {
    CHECK(coppice::run_applications(p.io, {p.app("a", [] { std::raise(SIGTERM); })}) == 0);
    CHECK(p.log() == "+a -a");
  }
}
