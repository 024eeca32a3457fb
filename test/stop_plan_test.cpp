#include "support/scripted.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

// A stop that has to be over in time.

using coppice::one_for_one;
using coppice::plan_stop;
using coppice::stop_within;
using coppice::supervisor_spec;

namespace {

// top: a (5 s), inner: {b (5 s), c (10 s)}, d (kill), e (no limit)
struct tree : scene {
  tree() {
    top = supervise(supervisor_spec{
        .name = "top",
        .strategy = one_for_one,
        .children = {child("a"),
                     coppice::supervisor({.name = "inner",
                                          .strategy = one_for_one,
                                          .children = {child("b"),
                                                       child("c").with_shutdown(10s)}}),
                     child("d").with_shutdown(coppice::brutal_kill),
                     child("e").with_shutdown(coppice::infinity)}});
    CHECK(log() == "+a +b +c +d +e");
  }
  std::string plan(coppice::time_limit whole) {
    std::string text;
    for (const coppice::stop_step& s : plan_stop(top, whole)) {
      text += std::string(s.depth, '>') + s.id;
      if (s.at_most.is_infinity()) {
        text += " - ";
      } else {
        text += ' ' + std::to_string(s.at_most.time() / 1ms) + ' ';
      }
    }
    return text;
  }
  void all_ignore() {
    for (const char* name : {"a", "b", "c", "d", "e"}) (*this)[name].stop = stop_as::ignores;
  }

  coppice::supervisor_ref top;
};

}  // namespace

TEST_CASE("a plan names everybody in the order of the stop, with the time it would have") {
  tree t;
  CHECK(t.plan(coppice::infinity) == "e - d 0 inner - >c 10000 >b 5000 a 5000 ");
  // e counts as 5 s, inner as 15 s and a ninth: that is 26 2/3 s.
  CHECK(t.plan(60s) == "e 38333 d 0 inner 16666 >c 10000 >b 5000 a 5000 ");
  // With half of what is needed, each gets half, and inner keeps a tenth of it.
  CHECK(t.plan(13333333333ns) == "e 2500 d 0 inner 8333 >c 5000 >b 2500 a 2500 ");
  CHECK(t.log().empty());
}

TEST_CASE("a plan as text") {
  tree t;
  CHECK(to_string(plan_stop(t.top, 60s)).starts_with("e <7>: 38.3333 s\nd <6>: 0 s\ninner <3>: "));
  CHECK(to_string(plan_stop(t.top)).starts_with("e <7>: no limit\n"));
}

TEST_CASE("everything is down in time, and whoever is late is killed") {
  tree t;
  t.all_ignore();
  constexpr auto whole = 13333333333ns;
  const auto stopped = begin(stop_within(t.top, whole));
  CHECK(t.log() == "*e");
  t.clock.advance(2500ms);
  CHECK(t.log() == "-e -d *c");
  t.clock.advance(5s);
  CHECK(t.log() == "-c *b");
  t.clock.advance(3333ms);
  CHECK(t.log().starts_with("-b"));
  t.clock.advance(whole - 2500ms - 5s - 3333ms);
  CHECK(stopped->there);
  CHECK_FALSE(stopped->error);
}

TEST_CASE("who ends early leaves its time to the others") {
  tree t;
  t["a"].stop = stop_as::ignores;
  const auto stopped = begin(stop_within(t.top, 4s));
  CHECK(t.log() == "-e -d -c -b *a");
  t.clock.advance(4s - 1ns);
  CHECK(t.log().empty());
  t.clock.advance(1ns);
  CHECK(t.log() == "-a");
  CHECK(stopped->there);
}

TEST_CASE("a stop that is long enough leaves everybody the time of its own") {
  tree t;
  t.all_ignore();
  const auto stopped = begin(stop_within(t.top, 1h));
  CHECK(t.log() == "*e");
  t.clock.advance(1h);
  CHECK(stopped->there);
}

TEST_CASE("children of a dynamic supervisor all have the whole time") {
  scene s;
  const auto sup = s.supervise(coppice::dynamic_supervisor_spec{.name = "pool"});
  for (const char* name : {"a", "b", "c"}) {
    s[name].stop = stop_as::ignores;
    s.start(sup, s.child(name).with_shutdown(name[0] == 'a' ? coppice::shutdown{1s}
                                             : name[0] == 'b' ? coppice::shutdown{10s}
                                                              : coppice::infinity));
  }
  CHECK(s.log() == "+a +b +c");
  SUBCASE("from the beginning") {
    const auto stopped = begin(stop_within(sup, 3s));
    CHECK(s.log() == "*a *b *c");
    s.clock.advance(1s);
    CHECK(s.log() == "-a");
    s.clock.advance(2s - 1ns);
    CHECK(s.log().empty());
    s.clock.advance(1ns);
    CHECK(s.log() == "-b -c");
    CHECK(stopped->there);
  }
  SUBCASE("and if the limit comes later") {
    const auto stopped = begin(sup.stop());
    s.clock.advance(2s);
    CHECK(s.log() == "*a *b *c -a");
    const auto limited = begin(stop_within(sup, 3s));
    s.clock.advance(3s - 1ns);
    CHECK(s.log().empty());
    s.clock.advance(1ns);
    CHECK(s.log() == "-b -c");
    CHECK(stopped->there);
    CHECK(limited->there);
  }
}

TEST_CASE("a stop under way can be limited") {
  tree t;
  t.all_ignore();
  const auto stopped = begin(t.top.stop());
  t.clock.advance(1h);
  CHECK(t.log() == "*e");
  const auto limited = begin(stop_within(t.top, 1s));
  t.clock.advance(1s);
  // What is left of the second has gone to e; the others have but a moment.
  t.clock.advance(10ns);
  CHECK(stopped->there);
  CHECK(limited->there);
}

TEST_CASE("a start under way does not hold up a stop that has to be over in time") {
  scene s;
  s["a"].starts = {start_as::hangs};
  const auto top = coppice::start_supervisor(
      s.io, supervisor_spec{.strategy = one_for_one,
                            .children = {s.child("a").with_shutdown(coppice::infinity)}});
  CHECK(s.log() == "~a");
  const auto stopped = begin(stop_within(top, 3s));
  s.clock.advance(3s);
  CHECK(s.log() == "-a");
  CHECK(stopped->there);
}

TEST_CASE("the reports of a stop tell who was killed, what it waited for, and how long it took") {
  tree t;
  t["b"].stop = stop_as::ignores;
  std::string waited;
  std::chrono::steady_clock::duration took{};
  coppice::set_report_sink(t.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::child_stop_failed>(&r)) waited = x->waited;
    if (const auto* x = std::get_if<coppice::supervisor_stopped>(&r); x && x->killed > 0) {
      took = x->took;
    }
  });
  const auto stopped = begin(t.top.stop());
  t.clock.advance(5s);
  CHECK(stopped->there);
  CHECK(waited.starts_with("a message"));
  CHECK(took == 5s);
}

TEST_CASE("a time for a stop that breaks the rule is refused") {
  tree t;
  CHECK_THROWS_WITH_AS(static_cast<void>(stop_within(t.top, 0s)),
                       "coppice: the time of a whole stop must be above zero",
                       std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(plan_stop(t.top, -1s)), std::invalid_argument);
  CHECK(t.log().empty());
}
