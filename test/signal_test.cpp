#include <coppice/process.hpp>

#include <coppice/down.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/link.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process_info.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using coppice::exit_reason;

namespace {

coroutine<> asleep() { co_await coppice::sleep_for(24h); }

using letter = std::variant<std::string, coppice::exit_signal, coppice::down>;

std::string text(const letter& l) {
  if (const auto* s = std::get_if<coppice::exit_signal>(&l)) {
    return "exit " + s->from.to_string() + " " + s->reason.to_string();
  }
  if (const auto* d = std::get_if<coppice::down>(&l)) {
    return "down " + d->process.to_string() + " " + d->reason.to_string();
  }
  return std::get<std::string>(l);
}

// Traps exits, and writes down all it gets.
struct trapper {
  explicit trapper(world& w) {
    process = coppice::spawn(w.io, [this]() -> coroutine<> {
      coppice::mailbox<letter> box;
      coppice::trap_exit(box);
      to = box.get_address();
      for (;;) got.push_back(text(co_await box.receive()));
    });
    w.clock.settle();
  }

  coppice::pid process;
  coppice::address<letter> to;
  std::vector<std::string> got;
};

using texts = std::vector<std::string>;

}  // namespace

// PROC-03, PROC-04
TEST_CASE("an exit signal ends a process with that reason, unless it is normal") {
  const exit_reason reasons[] = {exit_reason::shutdown(),    exit_reason::shutdown("note"),
                                 exit_reason::error("text"), exit_reason::killed(),
                                 exit_reason::noproc(),      exit_reason::timeout()};
  for (const exit_reason& reason : reasons) {
    world w;
    const coppice::pid p = coppice::spawn(w.io, asleep);
    const ending end{p};
    w.clock.settle();
    coppice::exit(p, exit_reason::normal());
    w.clock.settle();
    CHECK(p.alive());
    coppice::exit(p, reason);
    w.clock.settle();
    CHECK(end.reason() == reason);
  }
}

// PROC-05
TEST_CASE("a process that sends itself a normal exit signal ends") {
  world w;
  const ending end{coppice::spawn(w.io, []() -> coroutine<> {
    coppice::exit(coppice::self(), exit_reason::normal());
    co_await asleep();
  })};
  w.clock.settle();
  CHECK(end.text() == "normal");
}

// PROC-06
TEST_CASE("kill cannot be trapped") {
  world w;
  trapper t{w};
  const ending end{t.process};
  coppice::exit(t.process, exit_reason::kill());
  w.clock.settle();
  CHECK(end.text() == "killed");
  CHECK(t.got.empty());
  CHECK(t.to.closed());
}

// PROC-07
TEST_CASE("kill as the news of a link is an ordinary reason") {
  world w;
  trapper t{w};
  const auto ends_by_throwing_kill = [&t]() -> coroutine<> {
    coppice::link(t.process);
    co_await coppice::exit(exit_reason::kill());
  };
  coppice::spawn(w.io, ends_by_throwing_kill);
  const coppice::pid plain = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::spawn_link([]() -> coroutine<> { co_await coppice::exit(exit_reason::kill()); });
    co_await asleep();
  });
  const ending end{plain};
  w.clock.settle();
  CHECK(t.got == texts{"exit <2> kill"});
  CHECK(end.text() == "kill");
}

// PROC-08
TEST_CASE("who is linked to a killed process hears killed") {
  world w;
  trapper t{w};
  coppice::pid chain[3];
  chain[0] = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::link(t.process);
    chain[1] = coppice::spawn_link([&]() -> coroutine<> {
      chain[2] = coppice::spawn_link(asleep);
      co_await asleep();
    });
    co_await asleep();
  });
  w.clock.settle();
  const ending ends[] = {ending{chain[0]}, ending{chain[1]}, ending{chain[2]}};
  coppice::kill(chain[1]);
  w.clock.settle();
  for (const ending& end : ends) CHECK(end.text() == "killed");
  CHECK(t.got == texts{"exit " + chain[0].to_string() + " killed"});
}

// PROC-09, PROC-18
TEST_CASE("a process that traps exits gets signals as messages, in order with the others") {
  world w;
  trapper t{w};
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    t.to.send("one");
    coppice::exit(t.process, exit_reason::normal());
    t.to.send("two");
    coppice::exit(t.process, exit_reason::shutdown("please"));
    t.to.send("three");
    co_return;
  });
  w.clock.settle();
  CHECK(coppice::info(t.process)->traps_exits);
  coppice::exit(t.process, exit_reason::error("from outside"));
  w.clock.settle();
  CHECK(t.got == texts{"one", "exit " + p.to_string() + " normal", "two",
                       "exit " + p.to_string() + " shutdown: please", "three",
                       "exit <0> error: from outside"});
  CHECK(t.process.alive());
}

// PROC-09
TEST_CASE("signals act again when the trap is undone, or its mailbox is gone") {
  for (const bool undone : {false, true}) {
    CAPTURE(undone);
    world w;
    const coppice::pid p = coppice::spawn(w.io, [undone]() -> coroutine<> {
      coppice::mailbox<letter> kept;
      {
        coppice::mailbox<letter> box;
        coppice::trap_exit(undone ? kept : box);
      }
      if (undone) coppice::untrap_exit();
      co_await asleep();
    });
    const ending end{p};
    w.clock.settle();
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(end.text() == "shutdown");
  }
}

// PROC-10, PROC-30
TEST_CASE("a link carries every end but a normal one, to either side") {
  struct {
    exit_reason reason;
    bool carried;
  } const cases[] = {{exit_reason::normal(), false},
                     {exit_reason::shutdown(), true},
                     {exit_reason::shutdown("note"), true},
                     {exit_reason::error("text"), true}};
  for (const auto& c : cases) {
    for (const bool parent_ends : {false, true}) {
      CAPTURE(c.reason);
      CAPTURE(parent_ends);
      world w;
      coppice::pid child;
      auto end_later = [&c]() -> coroutine<> {
        co_await coppice::sleep_for(1s);
        co_await coppice::exit(c.reason);
      };
      const coppice::pid parent = coppice::spawn(w.io, [&]() -> coroutine<> {
        child = parent_ends ? coppice::spawn_link(asleep) : coppice::spawn_link(end_later);
        if (parent_ends) co_await end_later();
        co_await asleep();
      });
      w.clock.settle();
      const ending other{parent_ends ? child : parent};
      w.clock.advance(1s);
      CHECK(other.text() == (c.carried ? c.reason.to_string() : "not yet"));
    }
  }
}

// PROC-10
TEST_CASE("there is one link per pair, however often it is made, and either side can cut it") {
  world w;
  trapper t{w};
  coppice::pid other;
  const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    other = coppice::spawn_link([&]() -> coroutine<> {
      co_await coppice::sleep_for(1s);
      coppice::unlink(coppice::info(coppice::self())->parent);
      co_await asleep();
    });
    coppice::link(other);
    coppice::link(coppice::self());
    coppice::link(t.process);
    coppice::link(t.process);
    co_await asleep();
  });
  w.clock.settle();
  CHECK(coppice::info(p)->links.size() == 2);
  CHECK(coppice::info(t.process)->links == std::vector<coppice::pid>{p});
  w.clock.advance(1s);
  CHECK(coppice::info(p)->links == std::vector<coppice::pid>{t.process});
  coppice::exit(p, exit_reason::error("end"));
  w.clock.settle();
  CHECK(t.got == texts{"exit " + p.to_string() + " error: end"});
  CHECK(other.alive());
}

// PROC-11
TEST_CASE("linking to a process that has ended delivers noproc, as a message if trapped") {
  world w;
  const coppice::pid dead = coppice::spawn(w.io, []() -> coroutine<> { co_return; });
  w.clock.settle();
  const ending plain{coppice::spawn(w.io, [dead]() -> coroutine<> {
    coppice::link(dead);
    co_await asleep();
  })};
  texts got;
  const coppice::pid trapping = coppice::spawn(w.io, [&got, dead]() -> coroutine<> {
    coppice::mailbox<letter> box;
    coppice::trap_exit(box);
    coppice::link(dead);
    got.push_back(text(co_await box.receive()));
    co_await asleep();
  });
  w.clock.settle();
  CHECK(plain.text() == "noproc");
  CHECK(got == texts{"exit <1> noproc"});
  CHECK(trapping.alive());
}

// PROC-12
TEST_CASE("after unlink no exit comes through the link, not even one that waits in the mailbox") {
  world w;
  texts got;
  coppice::spawn(w.io, [&got]() -> coroutine<> {
    coppice::mailbox<letter> box;
    coppice::trap_exit(box);
    const coppice::pid loud = coppice::spawn_link(
        []() -> coroutine<> { co_await coppice::exit(exit_reason::error("first")); });
    const coppice::pid kept = coppice::spawn_link(
        []() -> coroutine<> { co_await coppice::exit(exit_reason::error("kept")); });
    box.get_address().send("before");
    co_await coppice::sleep_for(1s);
    CHECK(box.size() == 3);
    coppice::unlink(loud);
    CHECK(box.size() == 2);
    box.get_address().send("after");
    while (box.size() > 0) got.push_back(text(co_await box.receive()));
    CHECK_FALSE(loud.alive());
    CHECK_FALSE(kept.alive());
  });
  w.clock.advance(1s);
  CHECK(got == texts{"before", "exit <3> error: kept", "after"});
}

// PROC-13
TEST_CASE("a linked process cannot die unnoticed, even before it has run") {
  world w;
  const coppice::pid parent = coppice::spawn(w.io, []() -> coroutine<> {
    const coppice::pid child = coppice::spawn_link(asleep);
    coppice::kill(child);
    co_await asleep();
  });
  const ending end{parent};
  coppice::pid child;
  const ending early{coppice::spawn(w.io, [&child]() -> coroutine<> {
    child = coppice::spawn_link(asleep);
    throw std::runtime_error{"at once"};
    co_return;
  })};
  w.clock.settle();
  CHECK(end.text() == "killed");
  CHECK(early.text() == "std::runtime_error: at once");
  CHECK_FALSE(child.alive());
}

// PROC-14, PROC-15, PROC-16
TEST_CASE("monitors stack, tell once each, and tell noproc of the dead") {
  world w;
  std::vector<coppice::down> got;
  const coppice::pid p = coppice::spawn(w.io, asleep);
  const coppice::pid watcher = coppice::spawn(w.io, [&got, p]() -> coroutine<> {
    coppice::mailbox<coppice::down> box;
    const auto first = coppice::monitor(p, box);
    auto cut = coppice::monitor(p, box);
    const auto third = coppice::monitor(p, box);
    CHECK(first.id() != third.id());
    coppice::demonitor(cut);
    coppice::demonitor(cut);
    got.push_back(co_await box.receive());
    CHECK(got.back().monitor == first.id());
    got.push_back(co_await box.receive());
    CHECK(got.back().monitor == third.id());
    const auto late = coppice::monitor(p, box);
    CHECK(box.size() == 1);
    got.push_back(co_await box.receive());
    CHECK(got.back().monitor == late.id());
    co_await asleep();
  });
  w.clock.settle();
  coppice::exit(p, exit_reason::error("gone"));
  w.clock.settle();
  REQUIRE(got.size() == 3);
  CHECK(got[0].process == p);
  CHECK(got[0].reason == exit_reason::error("gone"));
  CHECK(got[1].reason == got[0].reason);
  CHECK(got[2].reason == exit_reason::noproc());
  CHECK(watcher.alive());
}

// PROC-14
TEST_CASE("a monitor is one-way: the watcher's end is not told, and a process may watch itself") {
  world w;
  const coppice::pid p = coppice::spawn(w.io, asleep);
  const ending watcher{coppice::spawn(w.io, [p]() -> coroutine<> {
    coppice::mailbox<coppice::down> box;
    coppice::monitor(p, box);
    coppice::monitor(coppice::self(), box);
    co_await coppice::exit(exit_reason::error("watcher"));
  })};
  w.clock.settle();
  CHECK(watcher.text() == "error: watcher");
  CHECK(p.alive());
  coppice::kill(p);
  w.clock.settle();
}

// PROC-16
TEST_CASE("demonitor takes back the message that waits already, and no other") {
  world w;
  const coppice::pid p = coppice::spawn(w.io, asleep);
  bool done = false;
  coppice::spawn(w.io, [&done, p]() -> coroutine<> {
    coppice::mailbox<letter> box;
    auto first = coppice::monitor(p, box);
    const auto second = coppice::monitor(p, box);
    box.get_address().send("other");
    coppice::kill(p);
    co_await coppice::sleep_for(1s);
    CHECK(box.size() == 3);
    coppice::demonitor(first);
    CHECK(box.size() == 2);
    CHECK(text(*box.try_receive()) == "other");
    CHECK(std::get<coppice::down>(*box.try_receive()).monitor == second.id());
    done = true;
  });
  w.clock.advance(1s);
  CHECK(done);
}

// PROC-19
TEST_CASE("signals to a dead process, or to none, do nothing") {
  world w;
  const coppice::pid dead = coppice::spawn(w.io, []() -> coroutine<> { co_return; });
  w.clock.settle();
  const coppice::pid heir = coppice::spawn(w.io, asleep);
  w.clock.settle();
  for (const coppice::pid& p : {dead, coppice::pid{}}) {
    coppice::kill(p);
    coppice::exit(p, exit_reason::error("nobody"));
  }
  w.clock.settle();
  CHECK(heir.alive());
}
