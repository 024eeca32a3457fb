// Code of the user's that runs while coppice is at work for somebody else: what it throws ends the
// process to which it belongs, and nobody else notices.

#include <coppice/down.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/link.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/send_after.hpp>
#include <coppice/server.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/post.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

// Throws when it is made of what coppice has to tell.
struct refuses_news {
  refuses_news() = default;
  refuses_news(const coppice::down&) { throw std::runtime_error{"no message of a down"}; }
  refuses_news(const coppice::exit_signal&) { throw std::runtime_error{"no message of a signal"}; }
};

// Throws when it is moved, as soon as that is said.
struct fragile {
  fragile() = default;
  explicit fragile(bool* b) : breaks{b} {}
  fragile(const fragile& other) : breaks{other.breaks} { check(); }
  fragile(fragile&& other) : breaks{other.breaks} { check(); }
  fragile& operator=(const fragile&) = default;
  fragile& operator=(fragile&&) = default;
  ~fragile() = default;

  void check() const {
    if (breaks != nullptr && *breaks) throw std::runtime_error{"broken"};
  }
  bool* breaks = nullptr;
};

coroutine<> sleep_long() { co_await coppice::sleep_for(1h); }

// Another process of the same io_context, which must not notice anything.
struct bystander {
  explicit bystander(world& w)
      : self{coppice::spawn(w.io, [this]() -> coroutine<> {
          for (;;) {
            co_await coppice::sleep_for(1s);
            ++steps;
          }
        })} {}
  int steps = 0;
  coppice::pid self;
};

}  // namespace

TEST_CASE("a watcher that cannot make a message of the end of a process crashes alone") {
  world w;
  const bystander other{w};
  const coppice::pid victim = coppice::spawn(w.io, sleep_long);
  const coppice::pid watcher = coppice::spawn(w.io, [victim]() -> coroutine<> {
    coppice::mailbox<refuses_news> box;
    coppice::monitor(victim, box);
    co_await coppice::sleep_for(1h);
  });
  const ending victims{victim};
  const ending watchers{watcher};
  w.clock.settle();
  coppice::kill(victim);
  w.clock.advance(2s);
  CHECK(victims.text() == "killed");
  CHECK(watchers.text() == "std::runtime_error: no message of a down");
  CHECK(w.reports.size() == 1);
  CHECK(other.steps == 2);
}

TEST_CASE("a watcher that cannot make a message of a process that has ended before crashes alone") {
  world w;
  const coppice::pid victim = coppice::spawn(w.io, []() -> coroutine<> { co_return; });
  w.clock.settle();
  bool passed = false;
  const ending watchers{coppice::spawn(w.io, [&, victim]() -> coroutine<> {
    coppice::mailbox<refuses_news> box;
    coppice::monitor(victim, box);
    co_await coppice::yield();
    passed = true;
  })};
  w.clock.settle();
  CHECK(watchers.text() == "std::runtime_error: no message of a down");
  CHECK_FALSE(passed);
}

TEST_CASE("a process that cannot make a message of an exit signal crashes alone") {
  world w;
  const bystander other{w};
  coppice::pid peer;
  const ending trapping{coppice::spawn(w.io, [&peer]() -> coroutine<> {
    coppice::mailbox<refuses_news> box;
    coppice::trap_exit(box);
    peer = coppice::spawn_link(sleep_long);
    co_await coppice::sleep_for(1h);
  })};
  w.clock.settle();
  coppice::kill(peer);
  w.clock.advance(2s);
  CHECK(trapping.text() == "std::runtime_error: no message of a signal");
  CHECK(other.steps == 2);
}

TEST_CASE("a delayed message that cannot be moved when it is due crashes its reader alone") {
  world w;
  const bystander other{w};
  bool breaks = false;
  const ending reader{coppice::spawn(w.io, [&breaks]() -> coroutine<> {
    coppice::mailbox<fragile> box;
    coppice::send_after(box.get_address(), 1s, fragile{&breaks});
    co_await coppice::sleep_for(1h);
  })};
  w.clock.settle();
  breaks = true;
  CHECK_NOTHROW(w.clock.advance(3s));
  CHECK(reader.text() == "std::runtime_error: broken");
  CHECK(other.steps == 3);
}

TEST_CASE("real timers go on when a delayed message cannot be moved") {
  asio::io_context io;
  coppice::set_report_sink(io, {});
  bool breaks = false;
  bool slept = false;
  coppice::spawn(io, [&breaks]() -> coroutine<> {
    coppice::mailbox<fragile> box;
    coppice::send_after(box.get_address(), 1ms, fragile{&breaks});
    breaks = true;
    co_await coppice::sleep_for(1h);
  });
  coppice::spawn(io, [&slept]() -> coroutine<> {
    co_await coppice::sleep_for(2ms);
    slept = true;
  });
  CHECK_NOTHROW(io.run());
  CHECK(slept);
}

TEST_CASE(
    "a message that cannot be moved out of the mailbox crashes its reader, with what it threw") {
  world w;
  bool breaks = false;
  coppice::address<fragile> to;
  const ending reader{coppice::spawn(w.io, [&to]() -> coroutine<> {
    coppice::mailbox<fragile> box;
    to = box.get_address();
    co_await box.receive();
  })};
  w.clock.settle();
  to.send(fragile{&breaks});
  breaks = true;
  w.clock.settle();
  CHECK(reader.text() == "std::runtime_error: broken");
}

TEST_CASE("a sender whose message cannot be moved hears of it, and nothing is sent") {
  world w;
  bool breaks = false;
  coppice::mailbox<fragile> box;
  fragile m{&breaks};
  breaks = true;
  CHECK_THROWS_AS(box.get_address().send(std::move(m)), std::runtime_error);
  CHECK(box.size() == 0);
}

namespace {

struct keeper {
  struct keep {
    std::shared_ptr<int> what;
  };
  struct ask {
    using reply = int;
    std::shared_ptr<int> what;
  };
  void handle(const keep&) {}
  int handle(const ask& m) { return *m.what; }
};

coppice::server_ref<keeper> lost(asio::io_context& io) {
  return coppice::server_ref<keeper>{
      coppice::process_ref{io, []() -> coppice::pid { throw std::runtime_error{"cannot look"}; }}};
}

}  // namespace

TEST_CASE("a cast whose server cannot be looked up throws, and its message is destroyed") {
  world w;
  const auto witness = std::make_shared<int>(1);
  const auto ref = lost(w.io);
  std::string told;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    keeper::keep m{witness};
    try {
      ref.cast(std::move(m));
    } catch (const std::exception& e) {
      told = e.what();
    }
    co_return;
  });
  w.clock.settle();
  CHECK(told == "cannot look");
  CHECK(witness.use_count() == 1);
}

TEST_CASE(
    "a posted cast whose server cannot be looked up is dropped, and nothing leaves the loop") {
  world w;
  const auto witness = std::make_shared<int>(1);
  lost(w.io).cast(keeper::keep{witness});
  CHECK_NOTHROW(w.clock.settle());
  CHECK(witness.use_count() == 1);
}

TEST_CASE("a call whose server cannot be looked up fails, tells why, and can be caught") {
  world w;
  const auto ref = lost(w.io);
  std::string told;
  const ending caller{coppice::spawn(w.io, [&]() -> coroutine<> {
    keeper::ask m{std::make_shared<int>(1)};
    auto asking = ref.call(std::move(m));
    try {
      co_await asking.result();
    } catch (const boost::system::system_error& e) {
      if (e.code() == coppice::errc::noproc) told = asking.failure().to_string();
    }
  })};
  w.clock.settle();
  CHECK(told == "std::runtime_error: cannot look");
  CHECK(caller.text() == "normal");
}
