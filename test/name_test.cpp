#include <coppice/error.hpp>
#include <coppice/name.hpp>
#include <coppice/process.hpp>
#include <coppice/supervisor.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

coroutine<> named(std::string name) {
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
  coppice::spawn(w.io, [&seen]() -> coroutine<> {
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
  const coppice::pid other = coppice::spawn(w.io, [&checked]() -> coroutine<> {
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

// NAME-02
TEST_CASE("who is refused a name is told who has it") {
  world w;
  const coppice::pid p = coppice::spawn(w.io, named("alpha"));
  std::vector<coppice::pid> holders;
  coppice::spawn(w.io, [&holders]() -> coroutine<> {
    const auto holder_of = [](const char* name) {
      try {
        coppice::register_name(name);
      } catch (const coppice::name_taken& e) {
        return e.holder();
      }
      return coppice::self();
    };
    holders.push_back(holder_of("alpha"));
    coppice::register_name("beta");
    holders.push_back(holder_of("alpha"));
    holders.push_back(holder_of("gamma"));
    co_return;
  });
  w.clock.settle();
  CHECK(holders == std::vector{p, p, coppice::pid{}});
}

// NAME-05, PROC-20, API-20
TEST_CASE("a name is resolved when it is asked for, and that of nobody leads nowhere") {
  world w;
  std::vector<boost::system::error_code> errors;
  const coppice::pid asking = coppice::spawn(w.io, [&errors]() -> coroutine<> {
    for (int i = 0; i < 2; ++i) {
      const coppice::supervisor_ref top{coppice::whereis("top")};
      auto counting = top.count_children();
      const auto [ec, counts] = co_await std::move(counting)(asio::as_tuple(use_coroutine));
      errors.push_back(ec);
      coppice::exit(coppice::whereis("nobody"), coppice::exit_reason::shutdown());
      co_await coppice::sleep_for(1s);
    }
  });
  w.clock.settle();
  coppice::start_supervisor(
      w.io, coppice::supervisor_spec{.name = "top", .strategy = coppice::one_for_one});
  w.clock.advance(1s);
  CHECK(errors == std::vector<boost::system::error_code>{coppice::errc::noproc, {}});
  w.clock.advance(1s);
  CHECK_FALSE(asking.alive());
}

// NAME-03, PROC-17
TEST_CASE("the name of a process is free before anybody hears of its death") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    world w;
    const coppice::pid p = coppice::spawn(w.io, []() -> coroutine<> {
      coppice::register_name("alpha");
      co_await coppice::sleep_for(1s);
    });
    w.clock.settle();
    const ending heir{coppice::spawn(w.io, [p]() -> coroutine<> {
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
  coppice::spawn(w.io, []() -> coroutine<> {
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
