#include "support/coroutine.hpp"
#include "support/world.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using asio::ip::tcp;
using coppice::process_state;

namespace {

class counter {
 public:
  struct next {
    using reply = int;
  };
  struct wait_for {
    using reply = int;
    std::string name;
  };
  static int handle(next) { return 1; }
  coroutine<int> handle(wait_for m) {
    const coppice::server_ref<counter> other{m.name};
    co_return co_await other.call(next{});
  }
  struct sleep {
    std::chrono::seconds time;
  };
  static coroutine<> handle(sleep s) { co_await coppice::sleep_for(s.time); }
};

coroutine<> inner() { co_await coppice::sleep_for(1000h); }
coroutine<> middle() { co_await inner(); }

struct tree : world {
  tree() {
    top = coppice::start_supervisor(
        io, coppice::supervisor_spec{
                .name = "top",
                .strategy = coppice::one_for_one,
                .children = {coppice::server<counter>("first"), coppice::server<counter>("second"),
                             coppice::worker("deep", []() -> coroutine<> { co_await middle(); })}});
    clock.settle();
  }
  process_state of(const std::string& name) {
    const auto all = coppice::process_states(io);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const process_state& s) { return s.name == name; });
    return found != all.end() ? *found : process_state{};
  }

  coppice::supervisor_ref top;
};

}  // namespace

TEST_CASE("a dump tells what every process waits for, below its parent") {
  tree t;
  t.clock.advance(90s);
  const std::string text = coppice::dump(t.io);
  const std::string expected =
      "<1> top (supervisor) waits for its children, 90.0 s\n"
      "  <2> first (server) waits for a message, 90.0 s\n"
      "  <3> second (server) waits for a message, 90.0 s\n"
      "  <4> deep waits for time to pass, 90.0 s\n";
  // The stacks are of this program, whose functions may have no names.
  std::string without_stacks;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at) + 1;
    if (text[text.find_first_not_of(' ', at)] == '<') without_stacks += text.substr(at, end - at);
    at = end;
  }
  CHECK(without_stacks == expected);
}

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)

TEST_CASE("a stack has a frame for each coroutine that awaits another, the innermost first") {
  tree t;
  const process_state deep = t.of("deep");
  REQUIRE(deep.stack.size() == 3);
  CHECK(deep.stack == coppice::stack_of(deep.id));
  for (const std::string& frame : deep.stack) CHECK_FALSE(frame.empty());
  CHECK(deep.stack[0] != deep.stack[1]);
  CHECK(deep.stack[1] != deep.stack[2]);
}

TEST_CASE("a process that waits for Asio tells where") {
  world w;
  coppice::spawn(
      w.io,
      [&w]() -> coroutine<> {
        tcp::acceptor listening{w.io, {asio::ip::address_v4::loopback(), 0}};
        coppice::controlling_process(listening);
        tcp::socket socket{w.io};
        co_await listening.async_accept(socket, use_coroutine);
      },
      "listener");
  w.clock.settle();
  const auto all = coppice::process_states(w.io);
  REQUIRE(all.size() == 1);
  CHECK(all[0].name == "listener");
  CHECK(all[0].state == "waiting");
  CHECK(all[0].waits_for.empty());
  CHECK_FALSE(all[0].stack.empty());  // Asio's awaitables have a frame of their own for it.
  coppice::kill(all[0].id);
}

TEST_CASE("a process that awaits something with a deadline tells what it is, if that is known") {
  world w;
  coppice::spawn(
      w.io, []() -> coroutine<> { co_await coppice::with_deadline(coppice::sleep_for(2h), 1h); },
      "sleeper");
  coppice::spawn(
      w.io,
      []() -> coroutine<> {
        const auto sleep = []() -> coroutine<> { co_await coppice::sleep_for(2h); };
        auto sleeping = sleep();
        co_await coppice::with_deadline(std::move(sleeping), 1h);
      },
      "coroutine");
  coppice::spawn(
      w.io,
      [&w]() -> coroutine<> {
        asio::steady_timer timer{w.io, 2h};
        co_await coppice::with_deadline(timer.async_wait(asio::deferred), 1h);
      },
      "timer");
  w.clock.settle();
  const auto all = coppice::process_states(w.io);
  REQUIRE(all.size() == 3);
  CHECK(all[0].waits_for == "time to pass");
  CHECK(all[1].waits_for == "time to pass");
  CHECK(all[2].waits_for == "something with a deadline");
  for (const process_state& s : all) coppice::kill(s.id);
}

TEST_CASE("a server that waits for another says for which") {
  tree t;
  const coppice::server_ref<counter> first{t.io, "first"};
  const coppice::server_ref<counter> second{t.io, "second"};
  second.cast(counter::sleep{10s});
  first.call(counter::wait_for{"second"}, coppice::infinity)([](boost::system::error_code, int) {});
  t.clock.advance(3s);
  CHECK(t.of("first").waits_for == "the answer of second <3>");
  CHECK(t.of("second").messages == 1);
  t.clock.advance(10s);
  CHECK(t.of("first").waits_for == "a message");
}

#endif

TEST_CASE("a dump counts what waits in queues and mailboxes") {
  tree t;
  const coppice::server_ref<counter> first{t.io, "first"};
  first.cast(counter::sleep{10s});
  for (int i = 0; i < 5; ++i) first.cast(counter::sleep{0s});
  coppice::address<int> box;
  coppice::spawn(
      t.io,
      [&box]() -> coroutine<> {
        coppice::mailbox<int> mine;
        box = mine.get_address();
        co_await mine.receive();
        co_await coppice::sleep_for(1000h);
      },
      "reader");
  t.clock.settle();
  CHECK(t.of("first").messages == 5);
  CHECK(t.of("reader").waits_for == "a message");
  for (int i = 0; i < 4; ++i) box.send(i);
  t.clock.settle();
  CHECK(t.of("reader").messages == 3);
}

TEST_CASE("a dump tells restarts, and who is stopping or has not run") {
  tree t;
  coppice::kill(t.of("deep").id);
  t.clock.settle();
  CHECK(t.of("deep").restarts == 1);
  coppice::spawn(
      t.io,
      []() -> coroutine<> {
        try {
          co_await coppice::sleep_for(1000h);
        } catch (const boost::system::system_error&) {
        }
        co_await coppice::sleep_for(5s);
      },
      "slow");
  CHECK(t.of("slow").state == "spawned");
  t.clock.settle();
  coppice::exit(t.of("slow").id, coppice::exit_reason::shutdown());
  t.clock.settle();
  CHECK(t.of("slow").state == "stopping");
  CHECK(t.of("slow").waits_for == "time to pass");
}

TEST_CASE("the process that asks for a dump runs, and has not rested") {
  world w;
  process_state mine;
  coppice::spawn(
      w.io,
      [&]() -> coroutine<> {
        // What it has waited in is gone.
        const auto briefly = []() -> coroutine<> { co_await coppice::yield(); };
        auto waiting = briefly();
        co_await std::move(waiting);
        for (const process_state& s : coppice::process_states(w.io)) mine = s;
      },
      "asking");
  w.clock.settle();
  CHECK(mine.state == "running");
  CHECK(mine.waits_for.empty());
}
