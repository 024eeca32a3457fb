#include "support/acceptor_world.hpp"
#include "support/coroutine.hpp"
#include "support/scripted.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/detail/acceptor/accept_rules.hpp>
#include <coppice/process.hpp>
#include <coppice/report.hpp>

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace {

using client = acceptor_world::client;
using coppice::detail::accept_rules;
using verdict = accept_rules::verdict;

// No descriptor is to be had as long as this lives. Those that are open stay good.
class no_descriptors {
 public:
  no_descriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    ::rlimit none = before_;
    none.rlim_cur = 0;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  ::rlimit before_{};
};

error_code system_error_of(int number) { return {number, boost::system::system_category()}; }

verdict judged(int number) { return accept_rules{}.failed(system_error_of(number)); }

}  // namespace

TEST_CASE("as many connections as there may be are accepted, and the next one when one has ended") {
  acceptor_world w;
  w.listen(echo<tcp::socket>, {.max_connections = 2});
  client a{w};
  client b{w};
  client c{w};
  client d{w};
  CHECK(a.echoes("one"));
  CHECK(b.echoes("two"));
  c.send("three");
  w.clock.advance(1h);
  CHECK(c.receive().empty());
  CHECK(w.connections() == 2);
  CHECK(w.server.counts().accepted == 2);
  CHECK(w.server.is_listening());
  a.socket.close();
  CHECK(w.comes_true([&] { return c.receive() == "three"; }));
  CHECK(w.connections() == 2);
  c.send("crash");
  CHECK(d.echoes("four"));
  CHECK(b.echoes("five"));
  CHECK(w.server.counts().accepted == 4);
  CHECK(w.server.counts().times_full == 3);
  CHECK(w.server.counts().shortages == 0);
}

TEST_CASE("that there are as many is told once, and so is that there are less") {
  acceptor_world w;
  w.listen(echo<tcp::socket>, {.max_connections = 1});
  CHECK(w.reports_of("accepts").empty());
  {
    client a{w};
    CHECK(a.echoes("one"));
    const auto told = w.reports_of("accepts nothing for now");
    REQUIRE(told.size() == 1);
    CHECK(told[0] == "acceptor server " + w.child("listener").to_string() +
                         " accepts nothing for now (1 connection, as many as there may be)");
    w.clock.advance(3s);
  }
  CHECK(w.has_connections(0));
  w.clock.advance(1s - 1ns);
  {
    client b{w};
    CHECK(b.echoes("two"));
    w.clock.advance(2s);
  }
  CHECK(w.has_connections(0));
  w.clock.advance(1s - 1ns);
  CHECK(w.reports_of("accepts").size() == 1);
  w.clock.advance(1ns);
  const auto told = w.reports_of("accepts");
  REQUIRE(told.size() == 2);
  CHECK(told[1] == "acceptor server " + w.child("listener").to_string() +
                       " accepts again, after 2 pauses within 6 s (0 connections, as many as there "
                       "may be)");
  w.clock.advance(1h);
  CHECK(w.reports_of("accepts").size() == 2);
  const client c{w};
  CHECK(w.comes_true([&] { return w.reports_of("accepts").size() == 3; }));
}

TEST_CASE("an acceptor without descriptors pauses, and goes on when there are some") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const coppice::pid listener = w.child("listener");
  client a{w};
  CHECK(a.echoes("one"));
  client b{w};
  client c{w};
  b.send("two");
  {
    const no_descriptors now;
    CHECK(w.comes_true([&] { return w.server.counts().shortages == 1; }));
    CHECK(b.receive().empty());
    CHECK(a.echoes("three"));
    // 10, 20, 40, ... ms, and then a second each.
    w.clock.advance(10ms - 1ns);
    CHECK(w.server.counts().shortages == 1);
    w.clock.advance(1ns);
    CHECK(w.server.counts().shortages == 2);
    w.clock.advance(20ms);
    CHECK(w.server.counts().shortages == 3);
    w.clock.advance(1h);
    const auto many = w.server.counts().shortages;
    w.clock.advance(1s);
    CHECK(w.server.counts().shortages == many + 1);
  }
  CHECK(b.receive().empty());
  w.clock.advance(1s);
  CHECK(w.comes_true([&] { return b.receive() == "two"; }));
  CHECK(c.echoes("four"));
  // It was no crash, and no restart.
  CHECK(listener.alive());
  CHECK(w.reports_of("listener").size() == 1);
  CHECK(w.reports_of("ended").empty());
  CHECK(w.server.counts().accepted == 3);
  CHECK(w.server.counts().times_full == 0);
}

TEST_CASE("the end of a connection ends a pause, as it gives back a descriptor") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  client a{w};
  CHECK(a.echoes("one"));
  client b{w};
  std::optional<no_descriptors> now;
  now.emplace();
  CHECK(w.comes_true([&] { return w.server.counts().shortages == 1; }));
  w.clock.advance(500ms);
  const auto before = w.server.counts().shortages;
  SUBCASE("which it takes") {
    now.reset();
    a.socket.close();
    CHECK(b.echoes("two"));
    CHECK(w.server.counts().shortages == before);
  }
  SUBCASE("or another has taken") {
    a.send("crash");
    CHECK(w.comes_true([&] { return w.server.counts().shortages == before + 1; }));
    CHECK(w.connections() == 0);
  }
}

TEST_CASE("a shortage is told once, and once when it is over") {
  acceptor_world w;
  std::vector<std::string> fields;
  w.listen(echo<tcp::socket>);
  const std::string listener = w.child("listener").to_string();
  client a{w};
  client b{w};
  {
    const no_descriptors now;
    CHECK(w.comes_true([&] { return w.server.counts().shortages == 1; }));
    w.clock.advance(310ms);
    CHECK(w.server.counts().shortages == 6);
    const auto told = w.reports_of("accepts");
    REQUIRE(told.size() == 1);
    CHECK(told[0] == "acceptor server " + listener +
                         " accepts nothing for now (Too many open files, with 0 connections)");
  }
  w.clock.advance(320ms);
  CHECK(w.has_connections(2));
  // It is not over before a second has gone without another one.
  client c{w};
  {
    const no_descriptors now;
    CHECK(w.comes_true([&] { return w.server.counts().shortages == 7; }));
    w.clock.advance(10ms - 1ns);
  }
  w.clock.advance(1ns);
  CHECK(w.has_connections(3));
  w.clock.advance(1s - 1ns);
  CHECK(w.reports_of("accepts").size() == 1);
  w.clock.advance(1ns);
  const auto told = w.reports_of("accepts");
  REQUIRE(told.size() == 2);
  CHECK(told[1] == "acceptor server " + listener +
                       " accepts again, after 7 pauses within 0.64 s (Too many open files, with 3 "
                       "connections)");
}

TEST_CASE("a listener that lacks a descriptor to listen with pauses if it could listen before") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const tcp::endpoint where = w.server.local_endpoint();
  client a{w};
  CHECK(a.echoes("one"));
  {
    const no_descriptors now;
    coppice::kill(w.child("listener"));
    w.clock.advance(1h);
    CHECK_FALSE(w.server.is_listening());
    CHECK(w.server.alive());
    CHECK(a.echoes("two"));
  }
  w.clock.advance(1s);
  CHECK(w.server.local_endpoint() == where);
  client b{w};
  CHECK(b.echoes("three"));
  CHECK(w.reports_of("failed to start").empty());
}

TEST_CASE("an acceptor that lacks a descriptor when it is started has failed to start") {
  acceptor_world w;
  const no_descriptors now;
  w.start(coppice::acceptor(any_port, echo<tcp::socket>, {.name = "server"}));
  CHECK_FALSE(w.server.alive());
  CHECK(w.reports_of("Too many open files").size() > 0);
}

TEST_CASE("a stop does not wait for the end of a pause") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const client a{w};
  const no_descriptors now;
  CHECK(w.comes_true([&] { return w.server.counts().shortages == 1; }));
  const auto stopping = begin(w.root.stop());
  w.clock.settle();
  CHECK(stopping->there);
  CHECK_FALSE(stopping->error);
}

TEST_CASE("a listener that pauses hears at once that it is to close") {
  acceptor_world w;
  w.listen(echo<tcp::socket>);
  const client a{w};
  const no_descriptors now;
  CHECK(w.comes_true([&] { return w.server.counts().shortages == 1; }));
  w.server.close();
  const auto draining = begin(w.server.drained());
  w.clock.settle();
  CHECK(draining->there);
}

TEST_CASE("what has run out makes a listener pause") {
  for (const int number : {EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC}) {
    CHECK(judged(number) == verdict::pause);
    CHECK(coppice::detail::is_shortage(system_error_of(number)));
  }
}

TEST_CASE("a client that has gone is no reason to pause or to crash") {
  for (const int number :
       {ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
        EOPNOTSUPP, ENETUNREACH, ETIMEDOUT}) {
    CHECK(judged(number) == verdict::again);
    CHECK_FALSE(coppice::detail::is_shortage(system_error_of(number)));
  }
}

TEST_CASE("all other errors are those of the listening socket") {
  for (const int number : {EBADF, EINVAL, ENOTSOCK, EFAULT, ECANCELED}) {
    CHECK(judged(number) == verdict::fail);
  }
  CHECK(accept_rules{}.failed({EMFILE, boost::system::generic_category()}) == verdict::fail);
}

TEST_CASE("clients that have all gone make a listener pause in the end") {
  accept_rules rules;
  for (int i = 0; i < accept_rules::most_in_a_row; ++i) {
    CHECK(rules.failed(system_error_of(EPERM)) == verdict::again);
  }
  CHECK(rules.failed(system_error_of(EPERM)) == verdict::pause);
  CHECK(rules.failed(system_error_of(EPERM)) == verdict::pause);
  rules.accepted();
  CHECK(rules.failed(system_error_of(EPERM)) == verdict::again);
}

TEST_CASE("pauses grow until a connection is accepted") {
  accept_rules rules;
  for (const auto pause : {10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1000ms, 1000ms}) {
    CHECK(rules.next_pause() == pause);
  }
  rules.accepted();
  CHECK(rules.next_pause() == 10ms);
}
