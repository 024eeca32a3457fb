// Limits of mailboxes and of servers' queues: what goes past them, and what they cost.

#include <coppice/down.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/link.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/mailbox_counts.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/sys.hpp>
#include <coppice/this_server.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
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

TEST_CASE("a mailbox with a limit counts what that costs") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    coppice::mailbox<message> box{{.limit = 3, .when_full = policy}};
    const coppice::address<message> to = box.get_address();
    CHECK(box.counts() == coppice::mailbox_counts{});
    to.send(1);
    CHECK(box.counts().most_waiting == 1);
    to.send(2);
    CHECK(box.try_receive());
    to.send(3);
    CHECK(box.counts().most_waiting == 2);
    CHECK(box.counts() == coppice::mailbox_counts{.most_waiting = 2});
    for (int i = 0; i < 5; ++i) to.send(4);
    coppice::mailbox_counts expected{.most_waiting = 3};
    switch (policy) {
      case overflow::refuse: expected.refused = 4; break;
      case overflow::drop_oldest: expected.dropped_oldest = 4; break;
      case overflow::drop_newest: expected.dropped_newest = 4; break;
    }
    CHECK(box.counts() == expected);
    while (box.try_receive()) {
    }
    CHECK(box.counts() == expected);
  }
}

TEST_CASE("without a limit nothing is counted") {
  coppice::mailbox<message> box;
  for (int i = 0; i < 5; ++i) box.get_address().send(i);
  CHECK(box.counts() == coppice::mailbox_counts{});
  CHECK(box.size() == 5);
}

TEST_CASE("what coppice itself tells is not counted") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    world w;
    coppice::mailbox_counts counts;
    coppice::spawn(w.io, [&, policy]() -> coroutine<> {
      coppice::mailbox<message> box{{.limit = 1, .when_full = policy}};
      box.get_address().send(1);
      for (int i = 0; i < 5; ++i) coppice::monitor(coppice::pid{}, box);
      counts = box.counts();
      CHECK(box.size() == 6);
      co_return;
    });
    w.clock.settle();
    CHECK(counts == coppice::mailbox_counts{.most_waiting = 1});
  }
}

namespace {

// Throws when it is moved for the time after so many.
struct fragile {
  explicit fragile(int n) : moves_left{n} {}
  fragile(fragile&& other) : moves_left{other.moves_left - 1} {
    if (moves_left < 0) throw std::runtime_error{"broken"};
  }
  int moves_left;
};

}  // namespace

TEST_CASE("a message that could not be sent, as it throws when it is moved, is not counted") {
  coppice::mailbox<fragile> box{{.limit = 1, .when_full = overflow::drop_oldest}};
  const auto to = box.get_address();
  for (const int moves : {0, 1}) CHECK_THROWS_AS(to.send(fragile{moves}), std::runtime_error);
  CHECK(box.counts() == coppice::mailbox_counts{});
  to.send(fragile{9});
  for (const int moves : {0, 1}) CHECK_THROWS_AS(to.send(fragile{moves}), std::runtime_error);
  CHECK(box.counts() == coppice::mailbox_counts{.most_waiting = 1});
  CHECK(box.size() == 1);
}

namespace {

constexpr int flood = 100'000;
constexpr int burst = 1'000;
constexpr std::size_t room = 1'000;

struct census {
  int living = 0;
  int most = 0;
};

// A message that counts itself.
class drop {
 public:
  drop(int n, census& c) : number{n}, census_{&c} { count(); }
  drop(const drop& other) : number{other.number}, census_{other.census_} { count(); }
  drop& operator=(const drop&) = default;
  ~drop() { --census_->living; }

  int number;

 private:
  void count() {
    if (++census_->living > census_->most) census_->most = census_->living;
  }
  census* census_;
};

// What the sender was told, and what has arrived.
struct tally {
  census all;
  std::uint64_t shed = 0;  // so many were dropped or refused
  std::uint64_t received = 0;
  int last = -1;
  bool in_order = true;

  void told(send_result r) {
    if (r != send_result::delivered) ++shed;
  }
  void take(const drop& m) {
    ++received;
    if (m.number <= last) in_order = false;
    last = m.number;
  }

  void check(const coppice::mailbox_counts& counts, overflow policy) const {
    coppice::mailbox_counts expected{.most_waiting = room};
    switch (policy) {
      case overflow::refuse: expected.refused = shed; break;
      case overflow::drop_oldest: expected.dropped_oldest = shed; break;
      case overflow::drop_newest: expected.dropped_newest = shed; break;
    }
    CHECK(counts == expected);
    CHECK(received + shed == flood);
    CHECK(in_order);
    CHECK((last == flood - 1) == (policy == overflow::drop_oldest));
    // Those that wait, one that is handled, and the copies of one on its way.
    CHECK(all.most <= static_cast<int>(room) + 4);
    CHECK(all.living == 0);
  }
};

// Sends in bursts, at ten times the speed of a receiver that takes 100 in a second.
template <class Send>
coroutine<> pour(Send send) {
  for (int i = 0; i < flood; ++i) {
    send(i);
    if (i % burst == burst - 1) co_await coppice::sleep_for(1s);
  }
}

// Until all has come to its end.
void run_out(world& w, const coppice::pid& writer) {
  while (writer.alive()) w.clock.advance(10s);
  w.clock.advance(20s);
}

class slow_drain {
 public:
  explicit slow_drain(tally& t) : tally_{t} {}

  coroutine<> handle(const drop& m) {
    tally_.take(m);
    co_await coppice::sleep_for(10ms);
  }

 private:
  tally& tally_;
};

}  // namespace

TEST_CASE("a flood of messages to a slow receiver takes no more memory than its mailbox has room") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    world w;
    tally t;
    coppice::mailbox<drop> box{{.limit = room, .when_full = policy}};
    const coppice::pid reader = coppice::spawn(w.io, [&]() -> coroutine<> {
      for (;;) {
        t.take(*co_await box.receive(1h));
        co_await coppice::sleep_for(10ms);
      }
    });
    const auto send = [to = box.get_address(), &t](int i) { t.told(to.send(drop{i, t.all})); };
    const coppice::pid writer = coppice::spawn(w.io, pour(send));
    run_out(w, writer);
    t.check(box.counts(), policy);
    coppice::kill(reader);
    w.clock.settle();
  }
}

TEST_CASE("a flood of messages to a slow server takes no more memory than its queue has room") {
  for (const overflow policy : policies) {
    CAPTURE(static_cast<int>(policy));
    tally t;
    world w;
    coppice::start_supervisor(
        w.io, {.strategy = coppice::one_for_one,
               .children = {coppice::server_with<slow_drain>(
                   {.mailbox = {.limit = room, .when_full = policy}}, "drain", std::ref(t))}});
    w.clock.settle();
    const coppice::server_ref<slow_drain> ref{w.io, "drain"};
    const auto send = [&ref, &t](int i) { t.told(ref.cast(drop{i, t.all})); };
    const coppice::pid writer = coppice::spawn(w.io, pour(send));
    run_out(w, writer);
    const auto counts = coppice::sys::get_counts({w.io, "drain"});
    const auto status = coppice::sys::get_status({w.io, "drain"});
    REQUIRE(counts);
    REQUIRE(status);
    CHECK(status->counts == *counts);
    t.check(*counts, policy);
  }
}
