#include <coppice/detail/runtime/process_life.hpp>

#include <doctest/doctest.h>

#include <string>

using coppice::detail::process_life;
using state = process_life::state;
using step = process_life::step;
using pending_end = process_life::pending_end;

namespace {

process_life spawned() {
  process_life life;
  life.spawn();
  return life;
}
process_life starting() {
  process_life life = spawned();
  REQUIRE(life.begin());
  return life;
}
process_life live() {
  process_life life = starting();
  life.enter_body();
  return life;
}
process_life revoked() {
  process_life life = spawned();
  REQUIRE_FALSE(life.exit());
  return life;
}
process_life exiting() {
  process_life life = live();
  REQUIRE(life.exit());
  return life;
}
process_life unwinding() {
  process_life life = exiting();
  REQUIRE(life.next_step(false) == step::destroy_frames);
  return life;
}
process_life ended() {
  process_life life = live();
  REQUIRE(life.end_body());
  return life;
}
process_life abandoned() {
  process_life life = unwinding();
  life.announce();
  return life;
}

// Its properties, in words.
std::string describe(const process_life& life) {
  std::string text;
  const auto add = [&text](bool is, const char* word) {
    if (is) text += (text.empty() ? "" : ", ") + std::string{word};
  };
  add(life.is_vacant(), "vacant");
  add(life.is_spawned(), "spawned");
  add(life.is_live(), "live");
  add(life.is_exiting(), "exiting");
  add(life.takes_signals(), "takes signals");
  add(life.has_frames(), "has frames");
  return text;
}

}  // namespace

TEST_CASE("each state of a process says who may do what to it") {
  CHECK(describe({}) == "vacant");
  CHECK(describe(spawned()) == "spawned, takes signals");
  CHECK(describe(starting()) == "live, takes signals");
  CHECK(describe(live()) == "live, takes signals, has frames");
  CHECK(describe(revoked()) == "exiting");
  CHECK(describe(exiting()) == "exiting, has frames");
  CHECK(describe(unwinding()) == "exiting, has frames");
  CHECK(describe(ended()) == "exiting");
  CHECK(describe(abandoned()) == "vacant, has frames");
}

TEST_CASE("a process whose body returns is announced, and its slot is vacant") {
  process_life life = ended();
  CHECK(life.next_step(false) == step::announce);
  life.announce();
  CHECK(life.now() == state::vacant);
  CHECK_FALSE(life.has_frames());
}

TEST_CASE("a process whose body has returned waits for its children before it is announced") {
  process_life life = ended();
  CHECK(life.next_step(true) == step::nothing);
  CHECK(life.next_step(true) == step::nothing);
  CHECK(life.next_step(false) == step::announce);
}

TEST_CASE(
    "a process that is told to end waits for its children, then loses its frames, then is "
    "announced") {
  process_life life = exiting();
  CHECK(life.next_step(true) == step::nothing);
  CHECK(life.now() == state::exiting);
  CHECK(life.next_step(false) == step::destroy_frames);
  CHECK(life.now() == state::unwinding);
  CHECK(life.end_body());
  CHECK(life.next_step(false) == step::announce);
  life.announce();
  CHECK(life.now() == state::vacant);
}

TEST_CASE("the frames of a process are destroyed once, however often it is looked at") {
  process_life life = unwinding();
  CHECK(life.next_step(false) == step::nothing);
  CHECK(life.next_step(false) == step::nothing);
}

TEST_CASE("a process that is told to end in the run queue goes from there, without having run") {
  process_life life = spawned();
  CHECK_FALSE(life.exit());
  CHECK(life.now() == state::revoked);
  CHECK_FALSE(life.begin());
  CHECK(life.now() == state::ended);
  CHECK(life.next_step(false) == step::announce);
}

TEST_CASE("a process that is told to end while its body is being called has no frames to lose") {
  process_life life = starting();
  CHECK(life.exit());
  CHECK(life.next_step(false) == step::announce);
}

TEST_CASE("a body that could not be called ends its process") {
  process_life life = starting();
  CHECK(life.end_body());
  CHECK(life.next_step(false) == step::announce);
}

TEST_CASE(
    "a body that returns while its process is being told to end has its children awaited all the "
    "same") {
  process_life life = exiting();
  CHECK(life.next_step(true) == step::nothing);
  CHECK(life.end_body());
  CHECK(life.next_step(true) == step::nothing);
  CHECK(life.next_step(false) == step::announce);
}

TEST_CASE("a process that is announced before its frames are gone keeps its slot until they are") {
  process_life life = abandoned();
  CHECK(life.now() == state::abandoned);
  CHECK_FALSE(life.end_body());
  CHECK(life.now() == state::vacant);
  life.spawn();
  CHECK(life.is_spawned());
}

TEST_CASE("a process that exits by itself prevails over its kill, whichever came first") {
  for (const bool kill_first : {false, true}) {
    process_life life = live();
    if (kill_first) life.kill_on_suspend();
    life.exit_on_suspend();
    if (!kill_first) life.kill_on_suspend();
    CHECK(life.pending() == pending_end::exit);
  }
  process_life life = live();
  life.kill_on_suspend();
  CHECK(life.pending() == pending_end::kill);
}

TEST_CASE(
    "what was to be done when a process suspends is not done to one that has ended, or to the "
    "next") {
  process_life life = live();
  life.kill_on_suspend();
  CHECK(life.end_body());
  CHECK(life.pending() == pending_end::none);
  process_life other = live();
  other.exit_on_suspend();
  CHECK(other.exit());
  CHECK(other.pending() == pending_end::none);
}
