#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using coppice::auto_shutdown;
using coppice::one_for_all;
using coppice::one_for_one;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

coppice::child_spec significant(const coppice::child_spec& spec, coppice::restart when) {
  return spec.with_restart(when).with_significant();
}

}  // namespace

// AUTO-01
TEST_CASE("without automatic shutdown significant children are refused") {
  scene s;
  CHECK_THROWS_AS(coppice::check(supervisor_spec{
                      .strategy = one_for_one, .children = {significant(s.child("a"), transient)}}),
                  std::invalid_argument);
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const answer a = s.start(sup, significant(s.child("a"), transient));
  CHECK(a.error == errc::start_failed);
  CHECK(a.reason.what().find("auto_shutdown") != std::string::npos);
  CHECK(s.children_of(sup).empty());
  CHECK(s.log().empty());
}

// AUTO-02
TEST_CASE("a permanent child cannot be significant") {
  scene s;
  CHECK_THROWS_AS(coppice::check(supervisor_spec{.strategy = one_for_one,
                                                 .auto_shutdown = auto_shutdown::any_significant,
                                                 .children = {s.child("a").with_significant()}}),
                  std::invalid_argument);
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one, .auto_shutdown = auto_shutdown::any_significant});
  CHECK_THROWS_AS(sup.start_child(s.child("a").with_significant()), std::invalid_argument);
}

// AUTO-04
TEST_CASE("dynamic children cannot shut their supervisor down") {
  scene s;
  CHECK_THROWS_AS(
      coppice::check(supervisor_spec{.strategy = coppice::simple_one_for_one,
                                     .auto_shutdown = auto_shutdown::any_significant,
                                     .children = {s.cast()}}),
      std::invalid_argument);
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{});
  CHECK_THROWS_AS(sup.start_child(significant(s.child("a"), transient)), std::invalid_argument);
}

// AUTO-05, AUTO-16
TEST_CASE("any: the expected end of a transient significant child stops the rest with shutdown") {
  for (const exit_reason& why :
       {exit_reason::normal(), exit_reason::shutdown(), exit_reason::shutdown("done")}) {
    scene s;
    s["a"] = {.stop = stop_as::cleans_up, .clean_up = 1s};
    const auto sup = s.supervise(
        supervisor_spec{.strategy = one_for_one,
                        .auto_shutdown = auto_shutdown::any_significant,
                        .children = {s.child("a"), significant(s.child("b"), transient),
                                     s.child("c"), significant(s.child("d"), transient)}});
    const auto end = end_of(sup.get_pid());
    s.exits("b", why);
    CHECK(s.log() == "+a +b +c +d -b -d -c *a");
    s.clock.advance(1s);
    CHECK(s.log() == "-a");
    CHECK(end->reason == exit_reason::shutdown());
  }
}

// AUTO-06
TEST_CASE("any: a transient significant child that ends abnormally is restarted, nothing more") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                               .auto_shutdown = auto_shutdown::any_significant,
                                               .children = {significant(s.child("a"), transient)}});
  s.crashes("a");
  CHECK(s.log() == "+a -a +a");
  coppice::kill(s.pid_of("a"));
  CHECK(s.log() == "-a +a");
  CHECK(sup.alive());
}

// AUTO-07
TEST_CASE("any: a temporary significant child shuts the supervisor down however it ends") {
  for (const int how : {0, 1, 2}) {
    scene s;
    const auto sup =
        s.supervise(supervisor_spec{.strategy = one_for_one,
                                    .auto_shutdown = auto_shutdown::any_significant,
                                    .children = {significant(s.child("a"), temporary)}});
    if (how == 0) s.returns("a");
    if (how == 1) s.crashes("a");
    if (how == 2) coppice::kill(s.pid_of("a"));
    s.clock.settle();
    CHECK_FALSE(sup.alive());
  }
}

// AUTO-08
TEST_CASE("all: only the end of the last active significant child shuts the supervisor down") {
  for (const auto when : {transient, temporary}) {
    scene s;
    const auto sup =
        s.supervise(supervisor_spec{.strategy = one_for_one,
                                    .auto_shutdown = auto_shutdown::all_significant,
                                    .children = {significant(s.child("a"), when),
                                                 significant(s.child("b"), when), s.child("c")}});
    s.returns("a");
    s.clock.settle();
    CHECK(sup.alive());
    s.returns("b");
    CHECK(s.log() == "+a +b +c -a -b -c");
    CHECK_FALSE(sup.alive());
  }
}

// AUTO-09
TEST_CASE("children that are not significant never shut their supervisor down") {
  for (const auto mode : {auto_shutdown::any_significant, auto_shutdown::all_significant}) {
    scene s;
    const auto sup = s.supervise(supervisor_spec{
        .strategy = one_for_one,
        .auto_shutdown = mode,
        .children = {s.child("a").with_restart(transient), s.child("b").with_restart(temporary)}});
    s.returns("a");
    s.crashes("b");
    s.clock.settle();
    CHECK(sup.alive());
  }
}

// AUTO-10
TEST_CASE("a significant child stopped by hand does not shut the supervisor down") {
  for (const auto mode : {auto_shutdown::any_significant, auto_shutdown::all_significant}) {
    for (const auto when : {transient, temporary}) {
      scene s;
      const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one,
                                                   .auto_shutdown = mode,
                                                   .children = {significant(s.child("a"), when)}});
      CHECK_FALSE(s.ask(sup.terminate_child("a")).error);
      CHECK(sup.alive());
    }
  }
}

// AUTO-11
TEST_CASE(
    "a significant child that ends for its sibling's sake does not shut the supervisor down") {
  for (const auto mode : {auto_shutdown::any_significant, auto_shutdown::all_significant}) {
    for (const auto when : {transient, temporary}) {
      scene s;
      const auto sup =
          s.supervise(supervisor_spec{.strategy = one_for_all,
                                      .auto_shutdown = mode,
                                      .children = {s.child("a"), significant(s.child("b"), when)}});
      s.crashes("a");
      CHECK(s.log() == (when == transient ? "+a +b -a -b +a +b" : "+a +b -a -b +a"));
      CHECK(sup.alive());
    }
  }
}

// AUTO-12
TEST_CASE("all: a significant child that is restarting still counts") {
  scene s;
  s["a"].starts = {start_as::up, start_as::hangs, start_as::up};
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .auto_shutdown = auto_shutdown::all_significant,
      .children = {s.child("a").with_restart(transient).with_significant().with_start_limit(1s),
                   significant(s.child("b"), transient)}});
  s.crashes("a");
  CHECK(s.log() == "+a +b -a ~a");
  s.returns("b");
  s.clock.advance(1s);
  CHECK(s.log() == "-b -a +a");
  CHECK(sup.alive());
}

// AUTO-13
TEST_CASE("all: a significant child stopped by hand does not count any more") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .auto_shutdown = auto_shutdown::all_significant,
      .children = {significant(s.child("a"), transient), significant(s.child("b"), transient)}});
  s.ask(sup.terminate_child("a"));
  CHECK(sup.alive());
  s.returns("b");
  s.clock.settle();
  CHECK_FALSE(sup.alive());
}

// AUTO-14
TEST_CASE("all: a finished significant child that a group restart revives counts again") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_all,
      .auto_shutdown = auto_shutdown::all_significant,
      .children = {significant(s.child("a"), transient), significant(s.child("b"), transient)}});
  s.returns("a");
  s.clock.settle();
  s.crashes("b");
  CHECK(s.log() == "+a +b -a -b +a +b");
  s.returns("b");
  s.clock.settle();
  CHECK(sup.alive());
  s.returns("a");
  s.clock.settle();
  CHECK_FALSE(sup.alive());
}

// AUTO-15
TEST_CASE("a supervisor that shut itself down has ended as expected for its own supervisor") {
  for (const bool counts : {true, false}) {
    scene s;
    const auto inner = coppice::supervisor({.name = "inner",
                                            .strategy = one_for_one,
                                            .auto_shutdown = auto_shutdown::any_significant,
                                            .children = {significant(s.child("a"), transient)}})
                           .with_restart(transient)
                           .with_significant(counts);
    const auto top =
        s.supervise(supervisor_spec{.strategy = one_for_one,
                                    .auto_shutdown = auto_shutdown::any_significant,
                                    .children = {inner, s.child("b")}});
    s.returns("a");
    CHECK(s.log() == (counts ? "+a +b -a -b" : "+a +b -a"));
    CHECK(top.alive() == !counts);
  }
}

// AUTO-17
TEST_CASE("a permanent supervisor that shut itself down is restarted and counts") {
  scene s;
  const auto top = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .intensity = 1,
      .period = 5s,
      .children = {coppice::supervisor({.name = "inner",
                                        .strategy = one_for_one,
                                        .auto_shutdown = auto_shutdown::any_significant,
                                        .children = {significant(s.child("a"), transient)}})}});
  s.returns("a");
  CHECK(s.log() == "+a -a +a");
  s.returns("a");
  s.clock.settle();
  CHECK_FALSE(top.alive());
}
