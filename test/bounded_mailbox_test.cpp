// What coppice itself has to tell goes past the limits that users set on their messages.

#include <coppice/down.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/link.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/this_server.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

using coppice::overflow;
using coppice::send_result;

namespace {

struct message {
  std::string text;

  message() = default;
  message(int n) : text{std::to_string(n)} {}
  message(const coppice::down& d) : text{"down " + d.reason.to_string()} {}
  message(const coppice::exit_signal& s) : text{"signal " + s.reason.to_string()} {}
};

coroutine<> wait_for_ever() { co_await coppice::sleep_for(1h); }

constexpr overflow policies[] = {overflow::refuse, overflow::drop_newest, overflow::drop_oldest};

// A process that has a mailbox of that limit, is busy for a second, and then reads it to the end.
struct busy_reader {
  busy_reader(world& w, coppice::mailbox_options o,
              std::function<void(coppice::mailbox<message>&)> prepare)
      : self{coppice::spawn(w.io, [this, o, prepare = std::move(prepare)]() -> coroutine<> {
          coppice::mailbox<message> box{o};
          to = box.get_address();
          prepare(box);
          co_await coppice::sleep_for(1s);
          while (std::optional<message> m = box.try_receive()) heard += m->text + "; ";
        })} {
    w.clock.settle();
  }

  coppice::address<message> to;
  std::string heard;
  coppice::pid self;
};

}  // namespace

TEST_CASE("the end of a monitored process is told to a full mailbox, and takes nobody's place") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    world w;
    const coppice::pid victim = coppice::spawn(w.io, wait_for_ever);
    busy_reader reader{w, {.limit = 2, .when_full = policy},
                       [victim](auto& box) { coppice::monitor(victim, box); }};
    reader.to.send(1);
    coppice::kill(victim);
    w.clock.settle();
    CHECK(reader.to.send(2) == send_result::delivered);
    CHECK(reader.to.send(3) != send_result::delivered);
    CHECK(reader.to.send(4) != send_result::delivered);
    w.clock.advance(1s);
    CHECK(reader.heard ==
          (policy == overflow::drop_oldest ? "down killed; 3; 4; " : "1; down killed; 2; "));
  }
}

TEST_CASE("that a monitored process had ended before is told to a full mailbox") {
  world w;
  const coppice::pid victim = coppice::spawn(w.io, []() -> coroutine<> { co_return; });
  w.clock.settle();
  busy_reader reader{w, {.limit = 1}, [victim](coppice::mailbox<message>& box) {
                       box.get_address().send(1);
                       coppice::monitor(victim, box);
                     }};
  w.clock.advance(1s);
  CHECK(reader.heard == "1; down noproc; ");
}

TEST_CASE("an exit signal is told to a full mailbox, and never dropped") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    world w;
    coppice::pid peer;
    busy_reader reader{w, {.limit = 1, .when_full = policy}, [&peer](auto& box) {
                         coppice::trap_exit(box);
                         peer = coppice::spawn_link(wait_for_ever);
                       }};
    reader.to.send(1);
    coppice::kill(peer);
    w.clock.settle();
    reader.to.send(2);
    w.clock.advance(1s);
    CHECK(reader.heard ==
          (policy == overflow::drop_oldest ? "signal killed; 2; " : "1; signal killed; "));
  }
}

TEST_CASE("a request of its supervisor to stop is told to a child with a full mailbox") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    world w;
    coppice::address<message> to;
    const auto sup = coppice::start_supervisor(
        w.io, {.strategy = coppice::one_for_one,
               .children = {coppice::worker("worker", [&to, policy]() -> coroutine<> {
                              coppice::mailbox<message> box{{.limit = 1, .when_full = policy}};
                              to = box.get_address();
                              coppice::trap_exit(box);
                              for (;;) {
                                co_await coppice::sleep_for(1s);
                                const message m = co_await box.receive();
                                if (m.text == "signal shutdown") co_return;
                              }
                            }).with_shutdown(coppice::infinity)}});
    w.clock.settle();
    to.send(1);
    const ending end{sup.get_pid()};
    sup.stop()([](const boost::system::error_code&) {});
    w.clock.settle();
    to.send(2);
    w.clock.advance(3s);
    CHECK(end.text() == "normal");
  }
}

TEST_CASE("the oldest message is dropped from behind any number of coppice's own") {
  world w;
  constexpr int watched = 100;
  busy_reader reader{w, {.limit = 3, .when_full = overflow::drop_oldest}, [](auto& box) {
                       for (int i = 0; i < watched; ++i) {
                         coppice::monitor(coppice::spawn([]() -> coroutine<> { co_return; }), box);
                       }
                     }};
  for (int i = 0; i < 1'000; ++i) reader.to.send(i);
  w.clock.advance(1s);
  CHECK(reader.heard.ends_with("down normal; 997; 998; 999; "));
  CHECK(reader.heard.size() == watched * std::string{"down normal; "}.size() + 15);
}

TEST_CASE("a mailbox from which coppice's own messages are taken keeps its order and its limit") {
  world w;
  coppice::monitor_ref watching;
  const coppice::pid first = coppice::spawn(w.io, wait_for_ever);
  const coppice::pid second = coppice::spawn(w.io, wait_for_ever);
  busy_reader reader{w, {.limit = 2, .when_full = overflow::drop_oldest}, [&](auto& box) {
                       watching = coppice::monitor(first, box);
                       coppice::monitor(second, box);
                     }};
  coppice::kill(first);
  w.clock.settle();
  for (int i = 1; i <= 3; ++i)
    reader.to.send(i);  // "down, 2, 3": the search begins behind the down
  coppice::demonitor(watching);
  coppice::kill(second);
  w.clock.settle();
  for (int i = 4; i <= 5; ++i) reader.to.send(i);
  w.clock.advance(1s);
  CHECK(reader.heard == "down killed; 4; 5; ");
}

namespace {

// Watches a process, and handles a message in a second.
class watcher {
 public:
  struct watch {
    coppice::pid whom;
  };
  struct note {
    int number;
  };

  watcher(std::string& heard) : heard_{heard} {}

  coroutine<> handle(watch m) {
    coppice::this_server::monitor(m.whom);
    co_await coppice::sleep_for(1s);
  }
  void handle(note m) { heard_ += std::to_string(m.number) + "; "; }
  void handle(const coppice::down& d) { heard_ += "down " + d.reason.to_string() + "; "; }

 private:
  std::string& heard_;
};

}  // namespace

TEST_CASE("what coppice tells a server takes no place in its bounded queue") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    world w;
    std::string heard;
    const coppice::pid victim = coppice::spawn(w.io, wait_for_ever);
    const auto sup = coppice::start_supervisor(
        w.io, {.strategy = coppice::one_for_one,
               .children = {coppice::server_with<watcher>(
                   {.mailbox = {.limit = 1, .when_full = policy}}, "watcher", std::ref(heard))}});
    w.clock.settle();
    const coppice::server_ref<watcher> ref{w.io, "watcher"};
    ref.cast(watcher::watch{victim});
    w.clock.settle();
    coppice::kill(victim);
    w.clock.settle();
    ref.cast(watcher::note{1});
    ref.cast(watcher::note{2});
    w.clock.advance(1s);
    CHECK(heard == (policy == overflow::drop_oldest ? "down killed; 2; " : "down killed; 1; "));
    sup.stop()([](const boost::system::error_code&) {});
    w.clock.settle();
  }
}
