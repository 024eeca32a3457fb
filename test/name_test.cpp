#include <coppice/error.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>

#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace {

asio::awaitable<void> named(std::string name) {
  coppice::register_name(name);
  co_await coppice::sleep_for(24h);
}

}  // namespace

// NAME-01, NAME-07
TEST_CASE("a name stands for one living process, and is found from anywhere") {
  world w;
  const coppice::pid p = coppice::spawn(w.io, named("alpha"));
  CHECK_FALSE(coppice::whereis(w.io, "alpha"));
  coppice::pid seen;
  coppice::spawn(w.io, [&seen]() -> asio::awaitable<void> {
    seen = coppice::whereis("alpha");
    co_return;
  });
  w.clock.settle();
  CHECK(seen == p);
  CHECK(coppice::whereis(w.io, "alpha") == p);
  CHECK_FALSE(coppice::whereis(w.io, "beta"));
  CHECK_FALSE(coppice::whereis(w.io, ""));
}

// NAME-01
TEST_CASE("a taken name and a second name are refused, and nothing changes") {
  world w;
  const coppice::pid p = coppice::spawn(w.io, named("alpha"));
  bool checked = false;
  const coppice::pid other = coppice::spawn(w.io, [&checked]() -> asio::awaitable<void> {
    const auto code_of = [](const char* name) {
      try {
        coppice::register_name(name);
      } catch (const boost::system::system_error& e) {
        return e.code();
      }
      return boost::system::error_code{};
    };
    CHECK(code_of("alpha") == coppice::errc::already_started);
    CHECK_FALSE(code_of("beta"));
    CHECK(code_of("gamma") == coppice::errc::already_started);
    CHECK(code_of("beta") == coppice::errc::already_started);
    CHECK_FALSE(coppice::whereis("gamma"));
    coppice::unregister_name();
    coppice::unregister_name();
    CHECK_FALSE(coppice::whereis("beta"));
    CHECK_FALSE(code_of("gamma"));
    checked = true;
    co_await coppice::sleep_for(1s);
  });
  w.clock.settle();
  CHECK(checked);
  CHECK(coppice::whereis(w.io, "alpha") == p);
  CHECK(coppice::whereis(w.io, "gamma") == other);
}

// NAME-03, PROC-17
TEST_CASE("the name of a process is free before anybody hears of its death") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    world w;
    const coppice::pid p = coppice::spawn(w.io, []() -> asio::awaitable<void> {
      coppice::register_name("alpha");
      co_await coppice::sleep_for(1s);
    });
    w.clock.settle();
    const ending heir{coppice::spawn(w.io, [p]() -> asio::awaitable<void> {
      co_await coppice::await_exit(p);
      CHECK_FALSE(coppice::whereis("alpha"));
      coppice::register_name("alpha");
      CHECK(coppice::whereis("alpha") == coppice::self());
    })};
    w.clock.settle();
    if (killed) coppice::kill(p);
    w.clock.advance(1s);
    CHECK(heir.text() == "normal");
    CHECK_FALSE(coppice::whereis(w.io, "alpha"));
  }
}

// NAME-06
TEST_CASE("an empty name is refused, and so is a name for nobody") {
  world w;
  coppice::spawn(w.io, []() -> asio::awaitable<void> {
    CHECK_THROWS_AS(coppice::register_name(""), std::invalid_argument);
    co_return;
  });
  w.clock.settle();
  CHECK(w.reports.empty());
  CHECK_THROWS_AS(coppice::register_name("alpha"), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(coppice::whereis("alpha")), std::logic_error);
}

// NAME-10
TEST_CASE("names may be made up by the thousand") {
  world w;
  for (int i = 0; i < 2000; ++i) coppice::spawn(w.io, named("worker " + std::to_string(i)));
  w.clock.settle();
  CHECK(coppice::whereis(w.io, "worker 0").number() == 1);
  CHECK(coppice::whereis(w.io, "worker 1999").number() == 2000);
  for (const coppice::pid& p : coppice::processes(w.io)) coppice::kill(p);
  w.clock.settle();
  CHECK_FALSE(coppice::whereis(w.io, "worker 0"));
}
