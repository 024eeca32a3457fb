#include "support/scripted.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using coppice::one_for_one;
using coppice::simple_one_for_one;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

auto two(scene& s) {
  return s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a"), s.child("b")}});
}

coppice::simple_one_for_one_ref<std::string> simple(scene& s) {
  return s.supervise(
      supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast()}});
}

}  // namespace

// API-01
TEST_CASE("start_child starts a child and answers its pid") {
  scene s;
  const auto sup = two(s);
  const answer c = s.start(sup, s.child("c"));
  CHECK_FALSE(c.error);
  CHECK(c.started.process == s.pid_of("c"));
  CHECK(s.log() == "+a +b +c");
}

// API-02
TEST_CASE("start_child of an id that runs answers already_started with its pid") {
  scene s;
  const auto sup = two(s);
  const answer a = s.start(sup, s.child("a"));
  CHECK(a.error == errc::already_started);
  CHECK(a.started.process == s.pid_of("a"));
  CHECK(s.starts_of("a") == 1);
}

// API-03
TEST_CASE("start_child of an id that is known but does not run answers already_present") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .children = {s.child("a"), s.child("b").with_restart(transient)}});
  s.ask(sup.terminate_child("a"));
  s.returns("b");
  CHECK(s.start(sup, s.child("a").with_restart(temporary)).error == errc::already_present);
  CHECK(s.start(sup, s.child("b")).error == errc::already_present);
  // The new spec was discarded.
  CHECK(s.ask(sup.get_child_spec("a")).spec->restart == coppice::permanent);
}

// API-04
TEST_CASE("start_child with a bad spec throws and changes nothing") {
  scene s;
  const auto sup = two(s);
  CHECK_THROWS_AS(sup.start_child(coppice::child_spec{.id = "c"}), std::invalid_argument);
  CHECK_THROWS_AS(sup.start_child(s.child("")), std::invalid_argument);
  CHECK(s.children_of(sup) == "a b");
}

// API-05
TEST_CASE("a child that is terminated is stopped by its shutdown, stays known, and stays down") {
  scene s;
  s["a"].stop = stop_as::ignores;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .children = {s.child("a").with_shutdown(2s), s.child("b")}});
  const auto terminated = begin(sup.terminate_child("a"));
  s.clock.advance(1s);
  CHECK_FALSE(terminated->there);
  s.clock.advance(1s);
  CHECK(terminated->there);
  CHECK_FALSE(terminated->error);
  CHECK(s.log() == "+a +b *a -a");
  CHECK(s.children_of(sup) == "a(none) b");
}

// API-05
TEST_CASE("a temporary child that is terminated is dropped") {
  scene s;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_restart(temporary)}});
  CHECK_FALSE(s.ask(sup.terminate_child("a")).error);
  CHECK(s.children_of(sup).empty());
}

// API-06
TEST_CASE("terminating a child that does not run is fine") {
  scene s;
  const auto sup = two(s);
  s.ask(sup.terminate_child("a"));
  CHECK_FALSE(s.ask(sup.terminate_child("a")).error);
  CHECK(s.children_of(sup) == "a(none) b");
}

// API-07
TEST_CASE("calls for an unknown id answer not_found") {
  scene s;
  const auto sup = two(s);
  CHECK(s.ask(sup.terminate_child("x")).error == errc::not_found);
  CHECK(s.ask(sup.restart_child("x")).error == errc::not_found);
  CHECK(s.ask(sup.delete_child("x")).error == errc::not_found);
  CHECK(s.ask(sup.get_child_spec("x")).error == errc::not_found);
}

// API-08
TEST_CASE("a child that has an id is not terminated by pid") {
  scene s;
  const auto sup = two(s);
  const coppice::simple_one_for_one_ref<> by_pid{sup};
  CHECK(s.ask(by_pid.terminate_child(s.pid_of("a"))).error == errc::not_found);
  CHECK(s.pid_of("a").alive());
}

// API-09
TEST_CASE("restart_child starts a stopped child in its old place") {
  scene s;
  const auto sup = two(s);
  s.ask(sup.terminate_child("a"));
  const answer a = s.ask(sup.restart_child("a"));
  CHECK_FALSE(a.error);
  CHECK(a.started.process == s.pid_of("a"));
  CHECK(s.children_of(sup) == "a b");
  CHECK(s.ask(sup.restart_child("a")).error == errc::running);
}

// API-10
TEST_CASE("a restart by hand that fails leaves the child stopped, without retrying") {
  scene s;
  s["a"].starts = {start_as::up, start_as::fails, start_as::up};
  const auto sup = two(s);
  s.ask(sup.terminate_child("a"));
  CHECK(s.ask(sup.restart_child("a")).error == errc::start_failed);
  CHECK(s.children_of(sup) == "a(none) b");
  CHECK(s.log() == "+a +b -a !a");
  CHECK_FALSE(s.ask(sup.restart_child("a")).error);
}

// API-11
TEST_CASE("delete_child removes the spec of a stopped child only") {
  scene s;
  const auto sup = two(s);
  CHECK(s.ask(sup.delete_child("a")).error == errc::running);
  s.ask(sup.terminate_child("a"));
  CHECK_FALSE(s.ask(sup.delete_child("a")).error);
  CHECK(s.ask(sup.delete_child("a")).error == errc::not_found);
  CHECK(s.children_of(sup) == "b");
  CHECK_FALSE(s.start(sup, s.child("a")).error);
  CHECK(s.children_of(sup) == "b a");
}

// API-12, API-13
TEST_CASE("simple_one_for_one refuses what is asked by id") {
  scene s;
  const coppice::supervisor_ref sup{simple(s).get_pid()};
  s.start(sup, "a");
  CHECK(s.ask(sup.restart_child("a")).error == errc::simple_one_for_one);
  CHECK(s.ask(sup.delete_child("a")).error == errc::simple_one_for_one);
  CHECK(s.ask(sup.terminate_child("a")).error == errc::simple_one_for_one);
  CHECK(s.start(sup, s.child("b")).error == errc::start_failed);
  CHECK(s.log() == "+a");
}

// API-13, DYN-08
TEST_CASE("simple_one_for_one terminates its own children by pid, and nobody else's") {
  scene s;
  const auto sup = simple(s);
  const auto other = two(s);
  s.start(sup, "x");
  const coppice::pid x = s.pid_of("x");
  CHECK_FALSE(s.ask(sup.terminate_child(x)).error);
  CHECK(s.ask(sup.terminate_child(x)).error == errc::not_found);
  CHECK(s.ask(sup.terminate_child(s.pid_of("a"))).error == errc::not_found);
  CHECK(s.ask(sup.terminate_child(coppice::pid{})).error == errc::not_found);
  CHECK(s.log() == "+a +b +x -x");
  CHECK(other.alive());
}

// API-14
TEST_CASE("children are listed in start order, with what is known of each") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"),
                   coppice::supervisor({.name = "inner", .strategy = one_for_one})}});
  s.start(sup, s.child("c"));
  s.ask(sup.terminate_child("c"));
  const answer a = s.ask(sup.which_children());
  REQUIRE(a.listing.size() == 3);
  CHECK(a.listing[0].id == "a");
  CHECK(a.listing[0].process == s.pid_of("a"));
  CHECK(a.listing[0].type == coppice::child_type::worker);
  CHECK(a.listing[1].id == "inner");
  CHECK(a.listing[1].process == coppice::whereis(s.io, "inner"));
  CHECK(a.listing[1].type == coppice::child_type::supervisor);
  CHECK(a.listing[2].id == "c");
  CHECK_FALSE(a.listing[2].process);
  CHECK_FALSE(a.listing[2].restarting);
}

TEST_CASE("a listing tells how often each child has been restarted") {
  scene s;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a"), s.child("b")}});
  s.crashes("b");
  s.clock.settle();
  s.crashes("b");
  s.clock.settle();
  const answer a = s.ask(sup.which_children());
  REQUIRE(a.listing.size() == 2);
  CHECK(a.listing[0].restarts == 0);
  CHECK(a.listing[1].restarts == 2);
}

// API-15, API-18
TEST_CASE("simple_one_for_one lists and counts its children under the id of the template") {
  scene s;
  const auto sup = simple(s);
  CHECK(s.count_of(sup) == "1 0 0 0");
  s.start(sup, "x");
  s.start(sup, "y");
  const answer a = s.ask(sup.which_children());
  REQUIRE(a.listing.size() == 2);
  for (const coppice::child_entry& c : a.listing) {
    CHECK(c.id == "template");
    CHECK(c.process.alive());
    CHECK(c.type == coppice::child_type::worker);
  }
  CHECK(s.count_of(sup) == "1 2 0 2");
}

// API-15, RR-14
TEST_CASE("a restarting simple_one_for_one child is listed without pid") {
  scene s;
  s["x"].starts = {start_as::up, start_as::fails};
  s["x"].then = start_as::hangs;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast().with_start_limit(1s)}});
  s.start(sup, "x");
  s.crashes("x");
  s.clock.settle();
  // Served between the try that hangs now and the next.
  const auto listed = begin(sup.which_children());
  const auto counted = begin(sup.count_children());
  s.clock.advance(1s);
  REQUIRE(listed->listing.size() == 1);
  CHECK(listed->listing[0].restarting);
  CHECK_FALSE(listed->listing[0].process);
  CHECK(counted->counts.specs == 1);
  CHECK(counted->counts.active == 0);
  CHECK(counted->counts.workers == 1);
}

// API-16
TEST_CASE("one child can be looked up by its id") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"), s.child("b"),
                   coppice::supervisor({.name = "inner", .strategy = one_for_one})}});
  const answer a = s.ask(sup.which_child("a"));
  CHECK_FALSE(a.error);
  CHECK(a.entry.id == "a");
  CHECK(a.entry.process == s.pid_of("a"));
  CHECK(a.entry.type == coppice::child_type::worker);
  CHECK_FALSE(a.entry.restarting);
  CHECK(s.ask(sup.which_child("inner")).entry.type == coppice::child_type::supervisor);
  s.ask(sup.terminate_child("b"));
  const answer b = s.ask(sup.which_child("b"));
  CHECK_FALSE(b.error);
  CHECK(b.entry.id == "b");
  CHECK_FALSE(b.entry.process);
  CHECK(s.ask(sup.which_child("x")).error == errc::not_found);
  CHECK(s.ask(sup.which_child("")).error == errc::not_found);
}

// API-16
TEST_CASE("a child that has an id is not looked up by pid, and one that has none not by id") {
  scene s;
  const auto sup = two(s);
  const coppice::simple_one_for_one_ref<> by_pid{sup};
  CHECK(s.ask(by_pid.which_child(s.pid_of("a"))).error == errc::not_found);
  const coppice::supervisor_ref of_template{simple(s).get_pid()};
  s.start(of_template, "x");
  CHECK(s.ask(of_template.which_child("x")).error == errc::simple_one_for_one);
  CHECK(s.ask(of_template.which_child("template")).error == errc::simple_one_for_one);
}

// API-16
TEST_CASE("one child without an id is looked up by pid, as long as it is known") {
  scene s;
  const auto of_template = simple(s);
  const coppice::pid x = s.start(of_template, "x").started.process;
  const answer found = s.ask(of_template.which_child(x));
  CHECK_FALSE(found.error);
  CHECK(found.entry.id == "template");
  CHECK(found.entry.process == x);
  s.crashes("x");
  s.clock.settle();
  CHECK(s.ask(of_template.which_child(x)).error == errc::not_found);
  CHECK(s.ask(of_template.which_child(s.pid_of("x"))).entry.process == s.pid_of("x"));
  CHECK(s.ask(of_template.which_child(of_template.get_pid())).error == errc::not_found);
  CHECK(s.ask(of_template.which_child(coppice::pid{})).error == errc::not_found);
}

// API-16, DYN-11
TEST_CASE("one child of a dynamic supervisor is looked up by pid") {
  scene s;
  const auto pool = s.supervise(coppice::dynamic_supervisor_spec{});
  const coppice::pid a = s.start(pool, s.child("a").with_restart(temporary)).started.process;
  const coppice::pid inner =
      s.start(pool, coppice::supervisor({.strategy = one_for_one})).started.process;
  CHECK(s.ask(pool.which_child(a)).entry.process == a);
  CHECK(s.ask(pool.which_child(inner)).entry.type == coppice::child_type::supervisor);
  s.returns("a");
  CHECK(s.ask(pool.which_child(a)).error == errc::not_found);
  // Numbers are those of one io_context.
  scene elsewhere;
  coppice::pid other;
  do {
    other = coppice::spawn(elsewhere.io, []() -> asio::awaitable<void> { co_return; });
  } while (other.number() < inner.number());
  CHECK(s.ask(pool.which_child(other)).error == errc::not_found);
}

// API-16, RR-14
TEST_CASE("a restarting child is looked up without a process, if it has no id by its last pid") {
  scene s;
  for (const char* name : {"a", "x"}) {
    s[name].starts = {start_as::up, start_as::fails};
    s[name].then = start_as::hangs;
  }
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_start_limit(1s)}});
  const auto pool = s.supervise(coppice::dynamic_supervisor_spec{});
  const coppice::pid x = s.start(pool, s.child("x").with_start_limit(1s)).started.process;
  s.crashes("a");
  s.crashes("x");
  s.clock.settle();
  // Served between the try that hangs now and the next.
  const auto a_entry = begin(sup.which_child("a"));
  const auto x_entry = begin(pool.which_child(x));
  s.clock.advance(1s);
  for (const auto& found : {a_entry, x_entry}) {
    REQUIRE(found->there);
    CHECK_FALSE(found->error);
    CHECK(found->entry.restarting);
    CHECK_FALSE(found->entry.process);
  }
}

// API-17
TEST_CASE("only children with a living process count as active") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"), s.child("b").with_restart(transient),
                   coppice::supervisor({.name = "inner", .strategy = one_for_one})}});
  CHECK(s.count_of(sup) == "3 3 1 2");
  s.returns("b");
  CHECK(s.count_of(sup) == "3 2 1 2");
  s.ask(sup.terminate_child("inner"));
  CHECK(s.count_of(sup) == "3 1 1 2");
  s.ask(sup.delete_child("inner"));
  CHECK(s.count_of(sup) == "2 1 0 2");
}

// API-18
TEST_CASE("simple_one_for_one counts supervisors as supervisors") {
  scene s;
  const coppice::simple_one_for_one_ref<> sup = s.supervise(supervisor_spec{
      .strategy = simple_one_for_one,
      .children = {coppice::supervisor({.strategy = one_for_one}).with_id("template")}});
  for (int i = 0; i < 3; ++i) {
    auto adding = sup.start_child();
    CHECK_FALSE(s.ask(adding.ready()).error);
  }
  CHECK(s.count_of(sup) == "1 3 3 0");
}

// API-19
TEST_CASE("the spec of a child can be asked for, and used again") {
  scene s;
  const auto sup = two(s);
  const answer a = s.ask(sup.get_child_spec("a"));
  REQUIRE(a.spec);
  CHECK(a.spec->id == "a");
  CHECK(a.spec->shutdown == coppice::shutdown{5s});
  CHECK_FALSE(s.start(sup, a.spec->with_id("again")).error);
  CHECK(s.children_of(sup) == "a b again");
}

// API-21
TEST_CASE("a call has no time limit of its own, and may be given up") {
  scene s;
  s["a"].stop = stop_as::ignores;
  const auto sup = s.supervise(
      supervisor_spec{.strategy = one_for_one, .children = {s.child("a").with_shutdown(1h)}});
  const auto terminated = begin(sup.terminate_child("a"));
  asio::cancellation_signal give_up;
  boost::system::error_code given_up;
  sup.terminate_child("a")(asio::bind_cancellation_slot(
      give_up.slot(), [&](boost::system::error_code ec) { given_up = ec; }));
  s.clock.advance(59min);
  CHECK_FALSE(terminated->there);
  give_up.emit(asio::cancellation_type::terminal);
  s.clock.settle();
  CHECK(given_up == asio::error::operation_aborted);
  s.clock.advance(1min);
  CHECK(terminated->there);
}

// API-22
TEST_CASE("calls are served one at a time in order of arrival") {
  scene s;
  const auto sup = two(s);
  auto adding = sup.start_child(s.child("c"));
  const auto terminated = begin(sup.terminate_child("c"));
  const auto deleted = begin(sup.delete_child("c"));
  const auto listed = begin(sup.which_children());
  const auto added = begin(adding.ready());
  s.clock.settle();
  CHECK_FALSE(added->error);
  CHECK_FALSE(terminated->error);
  CHECK_FALSE(deleted->error);
  CHECK(listed->listing.size() == 2);
  CHECK(s.log() == "+a +b +c -c");
}
