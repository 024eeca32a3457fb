#include <coppice/detail/supervision/supervision.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <list>
#include <map>
#include <string>
#include <string_view>

using coppice::exit_reason;
using coppice::detail::supervision;
using namespace std::chrono_literals;

namespace {

const exit_reason crash = exit_reason::error("boom");

// Plays the supervisor's process: time is a number, children are names, and actions become words.
class desk {
 public:
  explicit desk(supervision::options o) : decide{o} {}

  supervision::child& make(const std::string& id, coppice::restart when = coppice::permanent,
                           coppice::shutdown how = 5s) {
    supervision::child& c = all_.emplace_back();
    c.id = id;
    c.when = when;
    c.how = how;
    names_[&c] = id;
    return c;
  }

  // What to do now, one word after another, until something has to happen first. Reports are left
  // out.
  std::string todo() {
    std::string text;
    while (auto a = decide.next(now)) {
      using kind = supervision::action::kind_type;
      const std::string word = [&]() -> std::string {
        switch (a->kind) {
          case kind::start: return "start " + names_[a->subject];
          case kind::stop: return "stop " + names_[a->subject];
          case kind::kill: return "kill " + names_[a->subject];
          case kind::forget: return "forget " + names_[a->subject];
          case kind::booted: return "booted";
          case kind::reply: return "reply " + std::to_string(static_cast<int>(a->answer));
          case kind::serve: return "serve";
          case kind::finished: return "finished " + a->reason.to_string();
          default: return {};
        }
      }();
      if (word.empty()) continue;
      if (!text.empty()) text += ", ";
      text += word;
    }
    return text;
  }

  void up(supervision::child& c) { decide.started(c, ++number_); }

  // Everything started that wants to be.
  void boot(std::initializer_list<supervision::child*> children) {
    for (supervision::child* c : children) decide.add_static(*c);
    decide.start();
    for (supervision::child* c : children) {
      CHECK(todo() == "start " + c->id);
      up(*c);
    }
    CHECK(todo() == "booted");
  }

 private:
  std::list<supervision::child> all_;  // outlives what refers to it
  std::map<const supervision::child*, std::string> names_;
  std::uint64_t number_ = 0;

 public:
  supervision decide;
  supervision::clock::time_point now{};
};

}  // namespace

TEST_CASE("what concerns one child alone is decided at once, if nothing else is to be done") {
  using next = supervision::action::next_type;
  desk d{{.intensity = 2, .period = 1s}};
  auto& a = d.make("a");
  auto& b = d.make("b", coppice::transient);
  d.boot({&a, &b});
  REQUIRE(d.decide.follows_now(a, crash, d.now) == next::restart);
  d.decide.restart_begun(a, d.now);
  CHECK(a.state == supervision::child_state::starting);
  // One that waits for an answer has something else to do.
  CHECK_FALSE(d.decide.follows_now(b, crash, d.now));
  CHECK_FALSE(d.decide.adds_now("c"));
  d.up(a);
  CHECK(d.todo().empty());
  CHECK(a.restarts == 1);
  REQUIRE(d.decide.follows_now(b, crash, d.now) == next::restart);
  d.decide.restarted(b, 17);
  CHECK(b.state == supervision::child_state::running);
  CHECK(b.number == 17);
  CHECK(b.restarts == 1);
  CHECK(d.decide.is_idle());
  // The budget is spent: that is decided in its turn.
  CHECK_FALSE(d.decide.follows_now(a, crash, d.now));
  d.decide.ended(a, crash);
  CHECK(d.todo() == "stop b");
}

TEST_CASE("a child that is not started again is left at once") {
  desk d{{}};
  auto& a = d.make("a", coppice::transient);
  auto& b = d.make("b", coppice::temporary);
  d.boot({&a, &b});
  REQUIRE(d.decide.follows_now(a, exit_reason::normal(), d.now) ==
          supervision::action::next_type::none);
  CHECK_FALSE(d.decide.stays_down(a));
  CHECK(a.state == supervision::child_state::stopped);
  CHECK(d.decide.children().find("a") == &a);
  REQUIRE(d.decide.follows_now(b, crash, d.now) == supervision::action::next_type::none);
  CHECK(d.decide.stays_down(b));
  CHECK(d.decide.children().find("b") == nullptr);
  CHECK(d.decide.is_idle());
}

TEST_CASE("a child that is asked for is added at once if its id is free, and there is room") {
  desk d{{}};
  auto& a = d.make("a");
  d.boot({&a});
  CHECK_FALSE(d.decide.adds_now("a"));
  auto& b = d.make("b");
  REQUIRE(d.decide.adds_now("b"));
  d.decide.added(b, 9);
  CHECK(b.by_request);
  CHECK(b.state == supervision::child_state::running);
  CHECK(d.decide.children().find("b") == &b);

  desk full{{.dynamic = true, .max_children = 1}};
  full.boot({});
  REQUIRE(full.decide.adds_now(""));
  auto& c = full.make("c");
  full.decide.added(c, 9);
  CHECK_FALSE(full.decide.adds_now(""));
  CHECK(full.decide.children().find(9) == &c);
  full.decide.restarted(c, 10);
  CHECK(full.decide.children().find(9) == nullptr);
  CHECK(full.decide.children().find(10) == &c);
  CHECK(full.decide.stays_down(c));
  CHECK(full.decide.children().find(10) == nullptr);
}

TEST_CASE("a child that takes others along, or its supervisor, is not dealt with at once") {
  for (const auto how : {coppice::one_for_all, coppice::rest_for_one}) {
    desk d{{.strategy = how}};
    auto& a = d.make("a");
    d.boot({&a});
    CHECK_FALSE(d.decide.follows_now(a, crash, d.now));
    d.decide.ended(a, crash);
    CHECK(d.todo() == "start a");
  }
}

// START-01
TEST_CASE("nothing is to be done until the child that is being started has answered") {
  desk d{{}};
  auto& a = d.make("a");
  auto& b = d.make("b");
  d.decide.add_static(a);
  d.decide.add_static(b);
  d.decide.start();
  CHECK(d.decide.booting());
  CHECK(d.todo() == "start a");
  CHECK(d.todo().empty());
  d.up(a);
  CHECK(d.todo() == "start b");
  d.up(b);
  CHECK(d.todo() == "booted");
  CHECK_FALSE(d.decide.booting());
}

// START-11
TEST_CASE("a failed start of a static child rolls back what was started") {
  desk d{{}};
  auto& a = d.make("a");
  auto& b = d.make("b");
  d.decide.add_static(a);
  d.decide.add_static(b);
  d.decide.start();
  CHECK(d.todo() == "start a");
  d.up(a);
  CHECK(d.todo() == "start b");
  d.decide.start_failed(b, crash, d.now);
  CHECK(d.todo() == "forget b, stop a");
  d.decide.ended(a, exit_reason::shutdown());
  CHECK(d.todo() == "forget a, finished shutdown: failed to start child b (error: boom)");
  CHECK(d.decide.why_finished() == supervision::cause::start_failed);
}

// RT-03, ST-01
TEST_CASE("the end of a permanent child is answered by its start") {
  desk d{{}};
  auto& a = d.make("a");
  auto& b = d.make("b");
  d.boot({&a, &b});
  d.decide.ended(a, exit_reason::normal());
  CHECK(d.todo() == "start a");
}

// ST-02, ST-08
TEST_CASE("one_for_all takes the death of a second child out of turn") {
  desk d{{.strategy = coppice::one_for_all, .intensity = 1}};
  auto& a = d.make("a");
  auto& b = d.make("b");
  auto& c = d.make("c");
  d.boot({&a, &b, &c});
  d.decide.ended(b, crash);
  d.decide.ended(a, crash);
  CHECK(d.todo() == "stop c");
  CHECK(d.todo().empty());
  d.decide.ended(c, exit_reason::shutdown());
  CHECK(d.todo() == "start a");
  d.up(a);
  CHECK(d.todo() == "start b");
  d.up(b);
  CHECK(d.todo() == "start c");
  d.up(c);
  CHECK(d.todo().empty());
}

// ST-03
TEST_CASE("rest_for_one leaves alone what was started earlier") {
  desk d{{.strategy = coppice::rest_for_one}};
  auto& a = d.make("a");
  auto& b = d.make("b");
  auto& c = d.make("c");
  d.boot({&a, &b, &c});
  d.decide.ended(b, crash);
  CHECK(d.todo() == "stop c");
  d.decide.ended(c, exit_reason::shutdown());
  CHECK(d.todo() == "start b");
}

// SHUT-02, SHUT-04, SHUT-29
TEST_CASE("a child is killed when its time is up, and not before") {
  desk d{{}};
  auto& a = d.make("a", coppice::permanent, 5s);
  d.boot({&a});
  d.decide.stop(exit_reason::shutdown());
  CHECK(d.todo() == "stop a");
  REQUIRE(d.decide.deadline());
  CHECK(*d.decide.deadline() == d.now + 5s);
  d.now += 5s - 1ns;
  CHECK(d.todo().empty());
  d.now += 1ns;
  CHECK(d.todo() == "kill a");
  CHECK_FALSE(d.decide.deadline());
  d.decide.ended(a, exit_reason::killed());
  CHECK(d.todo() == "forget a, finished shutdown");
  CHECK(d.decide.stopped_at_end() == 1);
  CHECK(d.decide.killed_at_end() == 1);
}

// SHUT-29
TEST_CASE("without any time a child is asked, and killed when time has moved at all") {
  desk d{{}};
  auto& a = d.make("a", coppice::permanent, 0s);
  d.boot({&a});
  d.decide.stop(exit_reason::shutdown());
  CHECK(d.todo() == "stop a");
  CHECK(d.todo().empty());
  d.now += 1ns;
  CHECK(d.todo() == "kill a");
}

// SHUT-03, SHUT-04
TEST_CASE("unlimited time has no deadline, and brutal kill does not ask") {
  desk d{{}};
  auto& a = d.make("a", coppice::permanent, coppice::brutal_kill);
  auto& b = d.make("b", coppice::permanent, coppice::infinity);
  d.boot({&a, &b});
  d.decide.stop(exit_reason::normal());
  CHECK(d.todo() == "stop b");
  CHECK_FALSE(d.decide.deadline());
  d.decide.ended(b, exit_reason::shutdown());
  CHECK(d.todo() == "forget b, kill a");
  d.decide.ended(a, exit_reason::killed());
  CHECK(d.todo() == "forget a, finished normal");
  CHECK(d.decide.killed_at_end() == 0);
}

// SHUT-15, SHUT-17
TEST_CASE("dynamic children are stopped side by side, those of equal time at one deadline") {
  desk d{{.dynamic = true}};
  d.decide.start();
  CHECK(d.todo() == "booted");
  supervision::child* children[4];
  const coppice::shutdown times[4]{2s, 1s, 2s, coppice::infinity};
  for (int i = 0; i < 4; ++i) {
    children[i] = &d.make(std::string(1, static_cast<char>('a' + i)), coppice::permanent, times[i]);
    d.decide.add(*children[i], nullptr);
    CHECK(d.todo() == "start " + children[i]->id);
    d.up(*children[i]);
    CHECK(d.todo() == "reply 0");
  }
  d.decide.stop(exit_reason::shutdown());
  CHECK(d.todo() == "stop a, stop b, stop c, stop d");
  CHECK(*d.decide.deadline() == d.now + 1s);
  d.now += 1s;
  CHECK(d.todo() == "kill b");
  CHECK(*d.decide.deadline() == d.now + 1s);
  d.decide.ended(*children[0], exit_reason::shutdown());
  CHECK(d.todo() == "forget a");
  d.now += 1s;
  CHECK(d.todo() == "kill c");
  CHECK_FALSE(d.decide.deadline());
  d.decide.ended(*children[1], exit_reason::killed());
  d.decide.ended(*children[2], exit_reason::killed());
  CHECK(d.todo() == "forget b, forget c");
  d.decide.ended(*children[3], exit_reason::shutdown());
  CHECK(d.todo() == "forget d, finished shutdown");
}

// RR-02, RR-11
TEST_CASE("a retry waits behind what has arrived in the meantime, and is gone if its child is") {
  desk d{{.intensity = 9}};
  auto& a = d.make("a");
  d.boot({&a});
  d.decide.ended(a, crash);
  CHECK(d.todo() == "start a");
  int call = 0;
  d.decide.queue(&call);
  d.decide.terminate("a", &call);
  d.decide.start_failed(a, crash, d.now);
  CHECK(d.todo() == "serve, reply 0");
  CHECK(a.state == supervision::child_state::stopped);
  d.decide.restart_child("a", &call);
  CHECK(d.todo() == "start a");
}

// RR-03, INT-01, INT-08
TEST_CASE("the budget counts every try, and its end is the end of the supervisor") {
  desk d{{.intensity = 2, .period = 5s}};
  auto& a = d.make("a");
  auto& b = d.make("b");
  d.boot({&a, &b});
  d.decide.ended(a, crash);
  CHECK(d.todo() == "start a");
  d.decide.start_failed(a, crash, d.now);
  CHECK(d.todo() == "start a");
  d.decide.start_failed(a, crash, d.now);
  CHECK(d.todo() == "stop b");
  d.decide.ended(b, exit_reason::shutdown());
  CHECK(d.todo() == "forget b, forget a, finished shutdown");
  CHECK(d.decide.why_finished() == supervision::cause::gave_up);
}

// INT-05, INT-06, INT-12
TEST_CASE("only restarts within the period count, its end included") {
  desk d{{.intensity = 1, .period = 5s}};
  auto& a = d.make("a");
  d.boot({&a});
  const auto survives = [&] {
    d.decide.ended(a, crash);
    const bool restarted = d.todo() == "start a";
    if (restarted) d.up(a);
    return restarted;
  };
  CHECK(survives());
  d.now += 5s + 1ns;
  CHECK(survives());
  d.now += 5s;
  CHECK_FALSE(survives());
}

// SHUT-02, INIT-06, START-21
TEST_CASE("a time so long that the clock cannot show its end never runs out") {
  constexpr auto longest = supervision::clock::duration::max();
  for (const bool dynamic : {false, true}) {
    desk d{{.dynamic = dynamic}};
    d.now += 24h;
    auto& a = d.make("a", coppice::permanent, longest);
    a.start_limit = longest;
    d.decide.add_static(a);
    d.decide.start();
    CHECK(d.todo() == "start a");
    d.now += 1000h;
    CHECK(d.todo() == "");
    d.up(a);
    CHECK(d.todo() == "booted");
    d.decide.ended(a, crash);
    CHECK(d.todo() == "start a");
    d.decide.stop(exit_reason::shutdown());
    d.now += 1000h;
    CHECK(d.todo() == "");
    d.up(a);
    CHECK(d.todo() == "stop a");
    d.now += 1000h;
    CHECK(d.todo() == "");
    d.decide.ended(a, exit_reason::shutdown());
    CHECK(d.todo() == "forget a, finished shutdown");
  }
}

// INIT-06
TEST_CASE("a start that takes too long is ended by a kill") {
  desk d{{}};
  auto& a = d.make("a");
  a.start_limit = 3s;
  d.decide.add_static(a);
  d.decide.start();
  CHECK(d.todo() == "start a");
  CHECK(*d.decide.deadline() == d.now + 3s);
  d.now += 3s;
  CHECK(d.todo() == "kill a");
  d.decide.start_failed(a, exit_reason::timeout(), d.now);
  CHECK(d.todo() == "forget a, finished shutdown: failed to start child a (timeout)");
}

// START-21
TEST_CASE("a stop waits for a start under way, for as long as the child has for stopping") {
  desk d{{}};
  auto& a = d.make("a", coppice::permanent, 2s);
  d.boot({&a});
  d.decide.ended(a, crash);
  CHECK(d.todo() == "start a");
  d.decide.stop(exit_reason::shutdown());
  CHECK(d.todo().empty());
  d.now += 2s;
  CHECK(d.todo() == "kill a");
  d.decide.start_failed(a, exit_reason::killed(), d.now);
  CHECK(d.todo() == "forget a, finished shutdown");
  CHECK(d.decide.why_finished() == supervision::cause::asked);
}

// INIT-06, START-21
TEST_CASE("a start limit holds also when the supervisor is to stop") {
  for (const coppice::shutdown how :
       {coppice::shutdown{5s}, coppice::shutdown{coppice::infinity}}) {
    desk d{{}};
    auto& a = d.make("a", coppice::permanent, how);
    a.start_limit = 3s;
    d.decide.add_static(a);
    d.decide.start();
    CHECK(d.todo() == "start a");
    d.now += 1s;
    d.decide.stop(exit_reason::shutdown());
    CHECK(d.todo().empty());
    d.now += 2s;
    CHECK(d.todo() == "kill a");
    CHECK_FALSE(d.decide.deadline());
    d.decide.start_failed(a, exit_reason::timeout(), d.now);
    CHECK(d.todo() == "forget a, finished shutdown");
  }
}

// INIT-06, START-21
TEST_CASE("a child killed for its slow start is left alone by the stop of its supervisor") {
  for (const coppice::shutdown how :
       {coppice::shutdown{5s}, coppice::shutdown{coppice::brutal_kill}}) {
    desk d{{}};
    auto& a = d.make("a", coppice::permanent, how);
    a.start_limit = 3s;
    d.decide.add_static(a);
    d.decide.start();
    CHECK(d.todo() == "start a");
    d.now += 3s;
    CHECK(d.todo() == "kill a");
    d.decide.stop(exit_reason::shutdown());
    CHECK(d.todo().empty());
    CHECK_FALSE(d.decide.deadline());
    d.decide.start_failed(a, exit_reason::timeout(), d.now);
    CHECK(d.todo() == "forget a, finished shutdown");
  }
}

// AUTO-08
TEST_CASE("the last active significant child ends the supervisor") {
  desk d{{.automatic = coppice::auto_shutdown::all_significant}};
  auto& a = d.make("a", coppice::transient);
  auto& b = d.make("b", coppice::temporary);
  a.significant = b.significant = true;
  d.boot({&a, &b});
  d.decide.ended(a, exit_reason::normal());
  CHECK(d.todo().empty());
  d.decide.ended(b, crash);
  CHECK(d.todo() == "forget b, forget a, finished shutdown");
  CHECK(d.decide.why_finished() == supervision::cause::automatic);
}
