#include "support/acceptor_world.hpp"
#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/scripted.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/detail/overload/intake.hpp>
#include <coppice/error.hpp>
#include <coppice/process.hpp>

#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace {

using client = acceptor_world::client;

// An acceptor whose connections, when they are asked to stop, go on all the same.
struct stubborn_world : acceptor_world {
  std::string log;

  void listen(coppice::acceptor_options options) {
    acceptor_world::listen([this](tcp::socket socket) { return talk(std::move(socket)); },
                           std::move(options));
  }
  coroutine<> talk(tcp::socket socket) {
    const traced end{log, "ended"};
    auto echoing = echo(std::move(socket));
    co_await std::move(echoing);
    if (!asked) co_return;
    log += "asked ";
    co_await coppice::sleep_for(1h);
  }
  std::shared_ptr<answer> stop() {
    const auto stopping = begin(root.stop());
    clock.settle();
    return stopping;
  }

  bool asked = false;
};

// What a program sees of an acceptor that it is to close.
coppice::detail::intake& intake_of(acceptor_world& w) {
  coppice::detail::list_hook& all = coppice::detail::intakes::of(w.io);
  REQUIRE_FALSE(all.empty());
  CHECK(all.front() == all.back());
  return static_cast<coppice::detail::intake&>(*all.front());
}

}  // namespace

TEST_CASE("a stop frees the port first") {
  acceptor_world w;
  w.listen(echo<tcp::socket>, {.drain = 10s});
  const tcp::endpoint where = w.server.local_endpoint();
  client a{w};
  CHECK(a.echoes("one"));
  const auto stopping = begin(w.root.stop());
  w.clock.settle();
  CHECK_FALSE(stopping->there);
  CHECK_FALSE(w.server.is_listening());
  CHECK_FALSE(w.can_connect(where));
  const tcp::acceptor other{w.io, where};
  CHECK(a.echoes("two"));
}

TEST_CASE("connections that end in the time of drain have not been asked to stop") {
  stubborn_world w;
  w.listen({.drain = 10s});
  client a{w};
  client b{w};
  CHECK(a.echoes("one"));
  CHECK(b.echoes("two"));
  const auto stopping = w.stop();
  w.clock.advance(9s);
  CHECK(a.echoes("three"));
  a.socket.close();
  CHECK(w.has_connections(1));
  CHECK_FALSE(stopping->there);
  b.socket.close();
  CHECK(w.comes_true([&] { return stopping->there; }));
  CHECK_FALSE(stopping->error);
  CHECK(w.log == "ended ended ");
  CHECK(w.reports_of("stopped badly").empty());
  CHECK(w.reports_of(" stopped 0 children, 0 killed").size() == 1);
}

TEST_CASE("connections that are left are asked to stop, and killed when their time is over") {
  stubborn_world w;
  w.listen({.drain = 10s, .shutdown = 2s});
  client a{w};
  CHECK(a.echoes("one"));
  w.asked = true;
  const auto stopping = w.stop();
  w.clock.advance(10s - 1ns);
  CHECK(w.log.empty());
  CHECK(a.echoes("two"));
  w.clock.advance(1ns);
  CHECK(w.log == "asked ");
  w.clock.advance(2s - 1ns);
  CHECK_FALSE(stopping->there);
  w.clock.advance(1ns);
  CHECK(w.log == "asked ended ");
  CHECK(stopping->there);
}

TEST_CASE("without a drain, connections are asked to stop at once") {
  stubborn_world w;
  w.listen({});
  client a{w};
  CHECK(a.echoes("one"));
  w.asked = true;
  const auto stopping = w.stop();
  CHECK(w.log == "asked ");
  w.clock.advance(5s);
  CHECK(w.log == "asked ended ");
  CHECK(stopping->there);
}

TEST_CASE("an unlimited drain waits for every connection") {
  stubborn_world w;
  w.listen({.drain = coppice::infinity});
  client a{w};
  CHECK(a.echoes("one"));
  const auto stopping = w.stop();
  w.clock.advance(240h);
  CHECK_FALSE(stopping->there);
  CHECK(a.echoes("two"));
  a.socket.close();
  CHECK(w.comes_true([&] { return stopping->there; }));
}

TEST_CASE("a stop does not wait for what the acceptor waits for") {
  acceptor_world w;
  SUBCASE("a client") { w.listen(echo<tcp::socket>); }
  SUBCASE("the end of a connection") {
    w.listen(echo<tcp::socket>, {.max_connections = 1});
    const client a{w};
    const client waiting{w};
    CHECK(w.has_connections(1));
  }
  const auto stopping = begin(w.root.stop());
  w.clock.settle();
  CHECK(stopping->there);
  CHECK_FALSE(stopping->error);
}

TEST_CASE("a listener that is asked to stop by anybody else is restarted at once") {
  acceptor_world w;
  w.listen(echo<tcp::socket>, {.drain = 10s});
  client a{w};
  CHECK(a.echoes("one"));
  coppice::exit(w.child("listener"), coppice::exit_reason::shutdown());
  w.clock.settle();
  CHECK(w.server.is_listening());
  CHECK(a.echoes("two"));
}

TEST_CASE("close frees the port at once and keeps the connections") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const tcp::endpoint where = w.server.local_endpoint();
  client a{w};
  CHECK(a.echoes("one"));
  w.server.close();
  CHECK_FALSE(w.server.is_listening());
  CHECK(w.server.local_endpoint() == where);
  const tcp::acceptor other{w.io, where};
  w.clock.settle();
  w.server.close();
  CHECK(a.echoes("two"));
  w.clock.advance(1h);
  CHECK(a.echoes("three"));
  CHECK(w.server.alive());
  CHECK(w.connections() == 1);
}

TEST_CASE("what is closed stays closed when its listener is restarted") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const tcp::endpoint where = w.server.local_endpoint();
  w.server.close();
  SUBCASE("before it has heard of it") {}
  SUBCASE("after that") { w.clock.settle(); }
  coppice::kill(w.child("listener"));
  w.clock.settle();
  CHECK(w.server.alive());
  CHECK_FALSE(w.server.is_listening());
  CHECK_FALSE(w.can_connect(where));
  // The acceptor itself begins anew.
  coppice::kill(w.server.get_pid());
  w.clock.settle();
  CHECK(w.server.is_listening());
}

TEST_CASE("close reaches a listener that pauses") {
  acceptor_world w;
  w.listen(echo<tcp::socket>, {.max_connections = 1});
  client a{w};
  CHECK(a.echoes("one"));
  const client waiting{w};
  w.server.close();
  w.clock.settle();
  a.socket.close();
  CHECK(w.has_connections(0));
  CHECK(w.server.counts().accepted == 1);
}

TEST_CASE("drained completes when an acceptor is closed and has no connection") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const auto draining = begin(w.server.drained());
  w.clock.settle();
  CHECK_FALSE(draining->there);
  SUBCASE("at once, if there is none") {
    w.server.close();
    w.clock.settle();
    CHECK(draining->there);
  }
  SUBCASE("with the last one") {
    client a{w};
    client b{w};
    CHECK(w.has_connections(2));
    w.server.close();
    a.socket.close();
    CHECK(w.has_connections(1));
    CHECK_FALSE(draining->there);
    b.socket.close();
    CHECK(w.comes_true([&] { return draining->there; }));
  }
  SUBCASE("when the acceptor ends") {
    const client a{w};
    CHECK(w.has_connections(1));
    coppice::kill(w.server.get_pid());
    w.clock.settle();
    CHECK(draining->there);
  }
  CHECK_FALSE(draining->error);
}

TEST_CASE("drained includes a connection that had been accepted before the close") {
  // The second one has been accepted when the first one is over, but the listener has not run.
  for (int steps = 0; steps < 5; ++steps) {
    acceptor_world w;
    int n = 0;
    w.listen([&n](tcp::socket socket) -> coroutine<> {
      if (++n == 1) co_return;
      auto echoing = echo(std::move(socket));
      co_await std::move(echoing);
    });
    const client a{w};
    const client b{w};
    w.io.restart();
    for (int i = 0; i < steps; ++i) w.io.poll_one();
    w.server.close();
    const bool drained_at_once = intake_of(w).is_drained();
    const auto draining = begin(w.server.drained());
    w.clock.settle();
    CHECK(draining->there == (w.connections() == 0));
    CHECK((draining->there || !drained_at_once));
  }
}

TEST_CASE("a connection does not wait until there is none") {
  acceptor_world w;
  error_code told;
  w.listen([&](tcp::socket) -> coroutine<> {
    try {
      co_await w.server.drained();
    } catch (const boost::system::system_error& e) {
      told = e.code();
    }
  });
  const client a{w};
  CHECK(w.comes_true([&] { return told == coppice::errc::would_deadlock; }));
}

TEST_CASE("drained waits as long as it is told") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  client a{w};
  CHECK(a.echoes("one"));
  w.server.close();
  const auto draining = begin(w.server.drained(5s));
  w.clock.advance(5s - 1ns);
  CHECK_FALSE(draining->there);
  w.clock.advance(1ns);
  CHECK(draining->error == coppice::errc::timeout);
  CHECK(a.echoes("two"));
  a.socket.close();
  CHECK(w.has_connections(0));
}

TEST_CASE("the time of drain runs from the close on") {
  stubborn_world w;
  w.listen({.drain = 10s});
  client a{w};
  CHECK(a.echoes("one"));
  w.asked = true;
  w.server.close();
  w.clock.advance(4s);
  const auto stopping = w.stop();
  w.clock.advance(6s - 1ns);
  CHECK(w.log.empty());
  w.clock.advance(1ns);
  CHECK(w.log == "asked ");
  w.clock.advance(5s);
  CHECK(stopping->there);
}

// What a program does that is to end.
TEST_CASE("the intakes of an io_context can be closed and waited for") {
  using coppice::detail::drained_wait;
  acceptor_world w;
  w.listen(echo<tcp::socket>, {.drain = 7s});
  coppice::detail::intake& one = intake_of(w);
  client a{w};
  CHECK(a.echoes("one"));
  CHECK_FALSE(one.is_drained());
  one.close();
  CHECK(one.drained_by() == w.clock.now() + 7s);
  CHECK_FALSE(w.server.is_listening());
  CHECK_FALSE(one.is_drained());
  auto& home = coppice::detail::scheduler::of(w.io);
  const auto draining = begin(coppice::detail::deferred_wait<drained_wait>{
      {&home, drained_wait::place{&one}, coppice::infinity}});
  w.clock.settle();
  CHECK_FALSE(draining->there);
  a.socket.close();
  CHECK(w.comes_true([&] { return draining->there; }));
  CHECK(one.is_drained());
  coppice::kill(w.root.get_pid());
  w.clock.settle();
  CHECK(coppice::detail::intakes::of(w.io).empty());
}
