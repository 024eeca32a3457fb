#include "support/printed.hpp"
#include "support/scripted.hpp"

#include <coppice/run.hpp>

#include <coppice/report_sink.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <unistd.h>

using coppice::one_for_one;
using coppice::supervisor_spec;
using coppice::transient;

namespace {

// What a program does here needs no time: signals come from the program itself.
struct program : players {
  // The io_context is a member, and so goes before the children that its frames refer to.
  program() { coppice::set_report_sink(io, {}); }

  coppice::child_spec raises(std::string id, int signal) {
    const auto body = [signal]() -> asio::awaitable<void> {
      std::raise(signal);
      co_await coppice::sleep_for(1h);
    };
    return coppice::worker(std::move(id), body);
  }
  int run(supervisor_spec spec) { return coppice::run(io, std::move(spec)); }
  std::string log() { return take_log(); }

  asio::io_context io{1};
};

}  // namespace

TEST_CASE("a signal stops the tree in order, and the program ends well") {
  for (const int signal : {SIGINT, SIGTERM}) {
    program p;
    CHECK(p.run({.strategy = one_for_one,
                 .children = {p.child("a"), p.child("b"), p.raises("c", signal)}}) ==
          coppice::exit_stopped);
    CHECK(p.log() == "+a +b -b -a");
    CHECK(coppice::processes(p.io).empty());
  }
}

TEST_CASE("a tree that is stopped before anything of it has run ends well") {
  program p;
  asio::post(p.io, [&p] {
    const coppice::supervisor_ref root{coppice::processes(p.io).front()};
    root.stop()([](boost::system::error_code) {});
  });
  CHECK(p.run({.strategy = one_for_one, .children = {p.child("a")}}) == coppice::exit_stopped);
  CHECK(p.log().empty());
}

TEST_CASE("a signal from outside does the same") {
  program p;
  const auto body = []() -> asio::awaitable<void> {
    ::kill(::getpid(), SIGTERM);
    co_await coppice::sleep_for(1h);
  };
  CHECK(p.run({.strategy = one_for_one, .children = {coppice::worker("a", body)}}) == 0);
}

TEST_CASE("a program runs on an io_context of its own if it is given none") {
  const auto body = []() -> asio::awaitable<void> {
    std::raise(SIGTERM);
    co_await coppice::sleep_for(1h);
  };
  CHECK(coppice::run({.strategy = one_for_one, .children = {coppice::worker("a", body)}}) ==
        coppice::exit_stopped);
}

// AUTO-17
TEST_CASE("a program whose work is done ends well") {
  program p;
  const auto body = []() -> asio::awaitable<void> { co_return; };
  CHECK(
      p.run(
          {.strategy = one_for_one,
           .auto_shutdown = coppice::auto_shutdown::any_significant,
           .children = {p.child("a"),
                        coppice::worker("b", body).with_restart(transient).with_significant()}}) ==
      coppice::exit_stopped);
  CHECK(p.log() == "+a -a");
}

TEST_CASE("a program whose root gives up has failed") {
  program p;
  const auto body = []() -> asio::awaitable<void> {
    throw std::runtime_error{"boom"};
    co_return;
  };
  CHECK(p.run({.strategy = one_for_one, .children = {p.child("a"), coppice::worker("b", body)}}) ==
        coppice::exit_gave_up);
  CHECK(p.log() == "+a -a");
}

TEST_CASE("a program whose root crashes has failed") {
  program p;
  const auto body = []() -> asio::awaitable<void> {
    coppice::kill(coppice::whereis("root"));
    co_await coppice::sleep_for(1h);
  };
  CHECK(
      p.run({.name = "root", .strategy = one_for_one, .children = {coppice::worker("a", body)}}) ==
      coppice::exit_gave_up);
}

TEST_CASE("a program whose children do not start says so") {
  program p;
  p["b"].then = start_as::fails;
  CHECK(p.run({.strategy = one_for_one, .children = {p.child("a"), p.child("b")}}) ==
        coppice::exit_start_failed);
  CHECK(p.log() == "+a !b -a");
}

TEST_CASE("a second signal kills what is left") {
  program p;
  // Raises the second one when it is asked to stop, and would go on for ever.
  const auto body = []() -> asio::awaitable<void> {
    for (;;) {
      co_await coppice::sleep_for(1h)(asio::as_tuple(asio::use_awaitable));
      std::raise(SIGINT);
    }
  };
  CHECK(
      p.run({.strategy = one_for_one,
             .children = {p.child("a"), coppice::worker("b", body).with_shutdown(coppice::infinity),
                          p.raises("c", SIGTERM)}}) == coppice::exit_hurried);
  CHECK(p.log() == "+a -a");
  CHECK(coppice::processes(p.io).empty());
}

TEST_CASE("a signal ends a program of which a child does not come up") {
  program p;
  p["b"].then = start_as::hangs;
  CHECK(p.run({.strategy = one_for_one, .children = {p.raises("a", SIGTERM), p.child("b")}}) ==
        coppice::exit_stopped);
  CHECK(p.log() == "~b -b");
}

TEST_CASE("a program ends whatever else the io_context has to do, and that may go on afterwards") {
  program p;
  int ticks = 0;
  asio::steady_timer timer{p.io};
  timer.expires_after(1h);
  timer.async_wait([&](boost::system::error_code) { ++ticks; });
  CHECK(p.run({.strategy = one_for_one, .children = {p.raises("a", SIGTERM)}}) == 0);
  CHECK(ticks == 0);
  timer.cancel();
  p.io.restart();
  p.io.poll();
  CHECK(ticks == 1);
}

TEST_CASE("one program may run after another on the same io_context") {
  program p;
  for (int i = 0; i < 3; ++i) {
    CHECK(p.run({.name = "root", .strategy = one_for_one, .children = {p.raises("a", SIGTERM)}}) ==
          0);
  }
}

TEST_CASE("a program runs on an io_context that has run out of work, or was stopped, before") {
  for (const bool stopped : {false, true}) {
    program p;
    asio::post(p.io, [] {});
    p.io.run();
    if (stopped) p.io.stop();
    CHECK(p.io.stopped());
    CHECK(p.run({.strategy = one_for_one, .children = {p.child("a"), p.raises("b", SIGTERM)}}) ==
          coppice::exit_stopped);
    CHECK(p.log() == "+a -a");
  }
}

TEST_CASE("a program whose name is taken does not start") {
  program p;
  const auto sup = coppice::start_supervisor(
      p.io, {.name = "taken", .strategy = one_for_one, .children = {p.child("a")}});
  CHECK(p.run({.name = "taken", .strategy = one_for_one, .children = {p.child("b")}}) ==
        coppice::exit_start_failed);
  CHECK(p.log() == "+a");
  CHECK(sup.get_pid().alive());
}

TEST_CASE(
    "a program whose io_context is stopped leaves the tree as it is, and may be gone on with") {
  program p;
  const auto body = [&p]() -> asio::awaitable<void> {
    p.io.stop();
    co_await coppice::sleep_for(1h);
  };
  CHECK(p.run({.strategy = one_for_one, .children = {p.child("a"), coppice::worker("b", body)}}) ==
        coppice::exit_stopped);
  CHECK(p.log() == "+a");
  CHECK(coppice::processes(p.io).size() == 3);
  for (const coppice::pid& id : coppice::processes(p.io)) coppice::kill(id);
  p.io.restart();
  p.io.poll();
  CHECK(coppice::processes(p.io).empty());
}

TEST_CASE(
    "a program with a bad spec says on stderr where it breaks which rule, and does not begin") {
  program p;
  const coppice::child_spec inner = coppice::supervisor(
      {.name = "inner", .strategy = one_for_one, .children = {p.child("b").with_shutdown(-1s)}});
  const std::string said = printed([&p, &inner] {
    CHECK(p.run({.name = "root", .strategy = one_for_one, .children = {p.child("a"), inner}}) ==
          coppice::exit_bad_spec);
  });
  CHECK(
      said ==
      "coppice: supervisor \"root\": supervisor \"inner\": child \"b\": its shutdown time must not "
      "be negative\n");
  CHECK(p.log().empty());
  CHECK(coppice::processes(p.io).empty());
}
