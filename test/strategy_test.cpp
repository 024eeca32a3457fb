#include "support/coroutine.hpp"
#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <vector>

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::rest_for_one;
using coppice::simple_one_for_one;
using coppice::supervisor_spec;

// ST-01
TEST_CASE("one_for_one restarts only the child that ended") {
  scene s;
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .children = {s.child("a"), s.child("b"), s.child("c")}});
  const coppice::pid a = s.pid_of("a");
  const coppice::pid c = s.pid_of("c");
  s.crashes("b");
  CHECK(s.log() == "+a +b +c -b +b");
  CHECK(s.pid_of("a") == a);
  CHECK(s.pid_of("c") == c);
  CHECK(a.alive());
  CHECK(c.alive());
}

// ST-02, ST-05
TEST_CASE("one_for_all stops the others in reverse order, waits for all, and starts all in order") {
  scene s;
  s["c"] = {.stop = stop_as::cleans_up, .clean_up = 2s};
  s["a"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
  s.supervise(supervisor_spec{.strategy = one_for_all,
                              .children = {s.child("a"), s.child("b"), s.child("c")}});
  s.crashes("b");
  CHECK(s.log() == "+a +b +c -b *c");
  s.clock.advance(2s);
  CHECK(s.log() == "-c *a");
  s.clock.advance(1s);
  CHECK(s.log() == "-a +a +b +c");
}

// ST-03
TEST_CASE("rest_for_one stops those started later and starts from the failed one onwards") {
  scene s;
  s.supervise(
      supervisor_spec{.strategy = rest_for_one,
                      .children = {s.child("a"), s.child("b"), s.child("c"), s.child("d")}});
  const coppice::pid a = s.pid_of("a");
  s.crashes("b");
  CHECK(s.log() == "+a +b +c +d -b -d -c +b +c +d");
  CHECK(a.alive());
}

// ST-04
TEST_CASE("a group restart stops each sibling by its own shutdown") {
  scene s;
  s["b"].stop = stop_as::ignores;
  s["c"].stop = stop_as::ignores;
  s.supervise(supervisor_spec{.strategy = one_for_all,
                              .children = {s.child("a"), s.child("b").with_shutdown(3s),
                                           s.child("c").with_shutdown(coppice::brutal_kill)}});
  s.crashes("a");
  CHECK(s.log() == "+a +b +c -a -c *b");
  s.clock.advance(2999ms);
  CHECK(s.log().empty());
  s.clock.advance(1ms);
  CHECK(s.log() == "-b +a +b +c");
}

// ST-05, INIT-03
TEST_CASE("what a child held is free when it is started again") {
  scene s;
  using tcp = asio::ip::tcp;
  tcp::endpoint here{asio::ip::address_v4::loopback(), 0};
  here.port(tcp::acceptor{s.io, here}.local_endpoint().port());
  int bound = 0;
  bool up_at_all = false;
  const auto body = [&](coppice::init_ack up) -> coroutine<> {
    tcp::acceptor acceptor{co_await asio::this_coro::executor};
    acceptor.open(tcp::v4());
    acceptor.bind(here);
    acceptor.listen();
    ++bound;
    // Every other start fails while it holds the port.
    if (up_at_all && bound % 2 == 0) throw std::runtime_error{"no start"};
    up_at_all = true;
    up.ready();
    co_await acceptor.async_accept(use_coroutine);
  };
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                               .intensity = 1000,
                                               .period = 1s,
                                               .children = {coppice::worker("a", body)}});
  while (bound < 101) {
    const answer listing = s.ask(sup.which_children());
    if (bound % 3 == 0) {
      coppice::exit(listing.listing.front().process, exit_reason::error("next"));
    } else {
      coppice::kill(listing.listing.front().process);
    }
    s.clock.settle();
  }
  CHECK(s.ask(sup.count_children()).counts.active == 1);
  for (const std::string& r : s.reports) CHECK(r.find("system_error") == std::string::npos);
}

// ST-06, API-09
TEST_CASE("restarts and stops by hand keep a child's place, and start_child appends") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .children = {s.child("a"), s.child("b"), s.child("c")}});
  s.crashes("a");
  s.ask(sup.terminate_child("b"));
  s.start(sup, s.child("d"));
  s.ask(sup.restart_child("b"));
  CHECK(s.children_of(sup) == "a b c d");
  s.log();
  s.ask(sup.stop());
  CHECK(s.log() == "-d -c -b -a");
}

// ST-07
TEST_CASE("a group restart counts once however many children it takes") {
  scene s;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_all,
                      .intensity = 2,
                      .period = 5s,
                      .children = {s.child("a"), s.child("b"), s.child("c"), s.child("d")}});
  s.crashes("a");
  s.clock.settle();
  s.crashes("d");
  s.clock.settle();
  CHECK(sup.alive());
  s.crashes("b");
  s.clock.settle();
  CHECK_FALSE(sup.alive());
}

// ST-08
TEST_CASE("two children that crash at once cause one restart of all") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_all,
                                               .intensity = 1,
                                               .period = 5s,
                                               .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  s.crashes("b");
  CHECK(s.log() == "+a +b -a -b +a +b");
  CHECK(sup.alive());
}

// ST-09
TEST_CASE("two children that crash at once under one_for_one are two restarts") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                               .intensity = 1,
                                               .period = 5s,
                                               .children = {s.child("a"), s.child("b")}});
  s.crashes("a");
  s.crashes("b");
  s.clock.settle();
  CHECK_FALSE(sup.alive());
}

// ST-09
TEST_CASE("under rest_for_one the order of two crashes decides whether they are one restart") {
  for (const bool earlier_first : {true, false}) {
    scene s;
    const auto sup = s.supervise(supervisor_spec{.strategy = rest_for_one,
                                                 .intensity = 1,
                                                 .period = 5s,
                                                 .children = {s.child("a"), s.child("b")}});
    s.crashes(earlier_first ? "a" : "b");
    s.crashes(earlier_first ? "b" : "a");
    s.clock.settle();
    CHECK(sup.alive() == earlier_first);
  }
}

// ST-10, ST-12, ST-13
TEST_CASE("simple_one_for_one starts nothing by itself and restarts a child with its argument") {
  scene s;
  const auto sup =
      s.supervise(supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast()}});
  CHECK(s.log().empty());
  s.start(sup, "x");
  s.start(sup, "y");
  s.crashes("x");
  CHECK(s.log() == "+x +y -x +x");
  s.crashes("x");
  CHECK(s.log() == "-x +x");
}

// ST-14, INT-09
TEST_CASE("a failure is the nearest supervisor's business unless that gives up") {
  scene s;
  s.supervise(supervisor_spec{
      .name = "top",
      .strategy = one_for_all,
      .children = {s.child("a"), coppice::supervisor({.name = "inner",
                                                      .strategy = one_for_one,
                                                      .intensity = 1,
                                                      .period = 5s,
                                                      .children = {s.child("b"), s.child("c")}})}});
  s.crashes("b");
  CHECK(s.log() == "+a +b +c -b +b");
  s.crashes("c");
  CHECK(s.log() == "-c -b -a +a +b +c");
}

// ST-15
TEST_CASE("a restarted supervisor comes back with its static children only") {
  scene s;
  s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {coppice::supervisor(
          {.name = "inner", .strategy = one_for_one, .children = {s.child("a")}})}});
  const coppice::supervisor_ref inner{coppice::whereis(s.io, "inner")};
  s.start(inner, s.child("late"));
  CHECK(s.children_of(inner) == "a late");
  coppice::kill(inner.get_pid());
  s.clock.settle();
  const coppice::supervisor_ref again{coppice::whereis(s.io, "inner")};
  CHECK(again != inner);
  CHECK(s.children_of(again) == "a");
}

// ST-16, ST-17, SHUT-24
TEST_CASE("a killed supervisor is restarted, names included, after its subtree has gone") {
  scene s;
  s["c"] = {.stop = stop_as::cleans_up, .clean_up = 60s};
  const auto leaf = coppice::supervisor(
      {.name = "leaf", .strategy = one_for_one, .children = {s.child("b"), s.child("c")}});
  s.supervise(supervisor_spec{.strategy = one_for_one,
                              .children = {coppice::supervisor({.name = "inner",
                                                                .strategy = one_for_one,
                                                                .children = {s.child("a"), leaf}}),
                                           s.child("z")}});
  CHECK(s.log() == "+a +b +c +z");
  const auto end_of_b = end_of(s.pid_of("b"));
  coppice::kill(coppice::whereis(s.io, "inner"));
  const std::string log = s.log();
  REQUIRE(log.size() == std::string{"-a -b -c +a +b +c"}.size());
  CHECK(log.substr(9) == "+a +b +c");
  CHECK(end_of_b->reason.kind() == exit_reason::kind_type::killed);
  CHECK(coppice::whereis(s.io, "inner").alive());
  CHECK(coppice::whereis(s.io, "leaf").alive());
}

// ST-17
TEST_CASE("a child has its registered name again, however it was ended and started") {
  scene s;
  const auto body = [](coppice::init_ack up) -> coroutine<> {
    coppice::register_name("known");
    up.ready();
    co_await coppice::sleep_for(1h);
  };
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {coppice::worker("a", body)}});
  const coppice::pid first = coppice::whereis(s.io, "known");
  coppice::kill(first);
  s.clock.settle();
  const coppice::pid second = coppice::whereis(s.io, "known");
  CHECK(second.alive());
  CHECK(second != first);
  coppice::exit(second, exit_reason::shutdown());
  s.clock.settle();
  const coppice::pid third = coppice::whereis(s.io, "known");
  CHECK(third.alive());
  CHECK(third != second);
  s.ask(sup.terminate_child("a"));
  CHECK_FALSE(coppice::whereis(s.io, "known"));
  CHECK_FALSE(s.ask(sup.restart_child("a")).error);
  CHECK(coppice::whereis(s.io, "known").alive());
}

// ST-18
TEST_CASE("ten thousand children may crash at once") {
  scene s;
  std::vector<coppice::pid> running;
  const auto body = [&running]() -> coroutine<> {
    running.push_back(coppice::self());
    co_await coppice::sleep_for(1h);
  };
  supervisor_spec spec{.strategy = one_for_one, .intensity = 10'000, .period = 1s};
  for (int i = 0; i < 10'000; ++i) {
    spec.children.push_back(coppice::worker(std::to_string(i), body));
  }
  coppice::set_report_sink(s.io, {});
  const auto sup = s.supervise(std::move(spec));
  REQUIRE(running.size() == 10'000);
  for (const coppice::pid& p : std::vector{running}) coppice::kill(p);
  s.clock.settle();
  CHECK(running.size() == 20'000);
  CHECK(s.ask(sup.count_children()).counts.active == 10'000);
  coppice::kill(running.back());
  s.clock.settle();
  CHECK_FALSE(sup.alive());
  CHECK(coppice::processes(s.io).empty());
}
