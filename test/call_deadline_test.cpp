// Until when a caller waits: what the handler of its call is told, and what other calls inherit.

#include "support/coroutine.hpp"
#include "support/world.hpp"

#include <coppice/agent.hpp>
#include <coppice/call_limit.hpp>
#include <coppice/process.hpp>
#include <coppice/request_set.hpp>
#include <coppice/server.hpp>
#include <coppice/sys.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::inherited;
using coppice::server_ref;
namespace this_server = coppice::this_server;

namespace {

std::string text(std::chrono::steady_clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

// What this_server tells, in milliseconds.
std::string told() {
  const coppice::time_limit left = this_server::time_left();
  std::string all = left.is_infinity() ? "no limit" : text(left.time()) + " left";
  if (!this_server::caller_deadline()) all += ", no deadline";
  if (!this_server::caller_waits()) all += ", nobody waits";
  return all;
}

std::string told_by(const coppice::reply_to<std::string>& to,
                    const coppice::virtual_clock& clock) {
  const auto until = to.deadline();
  std::string all = until ? text(*until - clock.now()) + " left" : "no deadline";
  if (!to.is_awaited()) all += ", nobody waits";
  return all;
}

// Writes down, or answers, what its handlers of all kinds are told.
class desk {
 public:
  struct plain {
    using reply = std::string;
  };
  struct slow {
    using reply = std::string;
    std::chrono::milliseconds time;
  };
  struct keep {
    using reply = std::string;
  };
  struct rest {
    std::chrono::milliseconds time;
  };
  struct note {};
  struct step {};

  explicit desk(std::string& log) : log_{log} { log_ += "made: " + told() + '\n'; }
  void init() { log_ += "init: " + told() + '\n'; }
  void terminate(const coppice::exit_reason&) { log_ += "terminate: " + told() + '\n'; }

  std::string handle(plain) {
    log_ += "plain: " + told() + '\n';
    return told();
  }
  coroutine<std::string> handle(slow m) {
    log_ += "slow: " + told() + '\n';
    co_await coppice::sleep_for(m.time);
    log_ += "slow: " + told() + '\n';
    co_return told();
  }
  void handle(keep, coppice::reply_to<std::string> to) {
    log_ += "keep: " + told() + '\n';
    kept.push_back(std::move(to));
    this_server::continue_with(*this, step{});
  }
  coroutine<> handle(rest m) { co_await coppice::sleep_for(m.time); }
  void handle(note) {
    log_ += "note: " + told() + '\n';
    this_server::idle_after(1s);
  }
  void handle(step) { log_ += "step: " + told() + '\n'; }
  void handle(coppice::idle_timeout) { log_ += "idle: " + told() + '\n'; }

  std::vector<coppice::reply_to<std::string>> kept;

 private:
  std::string& log_;
};

struct office : world {
  office() {
    clock.settle();
    log.clear();
  }

  // A process that makes one call; what it hears is in `heard`.
  template <class M>
  coppice::pid ask(M m, coppice::call_limit limit) {
    const coppice::pid p = coppice::spawn(io, [this, m, limit]() -> coroutine<> {
      auto asking = ref.call(m, limit);
      try {
        heard = co_await asking.result();
      } catch (const boost::system::system_error& e) {
        heard = e.code().message();
      }
    });
    clock.settle();
    return p;
  }
  void run(coroutine<> body) {
    coppice::spawn(io, std::move(body));
    clock.settle();
  }
  std::string token(std::size_t i = 0) {
    std::string all;
    auto looking = coppice::sys::replace_state(
        ref, [&](desk& d) { all = told_by(d.kept.at(i), clock); });
    looking.result()([](auto) {});
    clock.settle();
    return all;
  }

  std::string log;
  std::string heard;
  server_ref<desk> ref = coppice::start_server<desk>(io, "desk", std::ref(log));
};

}  // namespace

TEST_CASE("a handler is told for how long its caller still waits") {
  office w;
  SUBCASE("an idle server") {
    w.ask(desk::plain{}, 3s);
    CHECK(w.heard == "3000 left");
  }
  SUBCASE("by default that is five seconds") {
    w.run([](office& o) -> coroutine<> {
      o.heard = co_await o.ref.call<desk::plain>();
    }(w));
    CHECK(w.heard == "5000 left");
  }
  SUBCASE("a busy one") {
    w.ref.cast(desk::rest{1s});
    w.ask(desk::plain{}, 3s);
    w.clock.advance(1s);
    CHECK(w.heard == "2000 left");
  }
  SUBCASE("a coroutine, at each of its steps") {
    w.ask(desk::slow{1s}, 3s);
    w.clock.advance(1s);
    CHECK(w.log == "slow: 3000 left\nslow: 2000 left\n");
    CHECK(w.heard == "2000 left");
  }
  SUBCASE("one that answers later") {
    w.ask(desk::keep{}, 3s);
    CHECK(w.log == "keep: 3000 left\nstep: no limit, no deadline, nobody waits\n");
  }
}

TEST_CASE("the deadline is a time of the scheduler's clock") {
  world w;
  struct clerk {
    struct until {
      using reply = std::optional<std::chrono::steady_clock::time_point>;
    };
    std::optional<std::chrono::steady_clock::time_point> handle(until) {
      return this_server::caller_deadline();
    }
  };
  const auto ref = coppice::start_server<clerk>(w.io, "clerk");
  w.clock.settle();
  const auto begin = w.clock.now();
  bool done = false;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    const auto until = co_await ref.call<clerk::until>().within(200ms);
    CHECK(until == begin + 200ms);
    done = true;
  });
  w.clock.settle();
  CHECK(done);
}

TEST_CASE("there is no deadline where nobody waits, or without limit") {
  office w;
  const std::string none = "no limit, no deadline";
  SUBCASE("infinity") {
    w.ask(desk::plain{}, coppice::infinity);
    CHECK(w.heard == none);
  }
  SUBCASE("infinity, for a busy server") {
    w.ref.cast(desk::rest{1s});
    w.ask(desk::plain{}, coppice::infinity);
    w.clock.advance(1s);
    CHECK(w.heard == none);
  }
  SUBCASE("a limit that the clock cannot show the end of") {
    w.ref.cast(desk::rest{1s});
    w.ask(desk::slow{1s}, std::chrono::steady_clock::duration::max() - 1s);
    w.clock.advance(2s);
    CHECK(w.heard == none);
  }
  SUBCASE("a cast, the end of an idle time, and the clean-up") {
    w.ref.cast(desk::note{});
    w.clock.advance(1s);
    w.ref.stop()([](auto) {});
    w.clock.settle();
    CHECK(w.log == "note: no limit, no deadline, nobody waits\n"
                   "idle: no limit, no deadline, nobody waits\n"
                   "terminate: no limit, no deadline, nobody waits\n");
  }
  SUBCASE("the start") {
    std::string log;
    coppice::start_server<desk>(w.io, "other", std::ref(log));
    w.clock.settle();
    CHECK(log == "made: no limit, no deadline, nobody waits\n"
                 "init: no limit, no deadline, nobody waits\n");
  }
}

TEST_CASE("the clean-up after a crash is done for no caller") {
  struct fragile {
    struct crash {
      using reply = void;
    };
    void handle(crash) { throw std::runtime_error{"crash"}; }
    void terminate(const coppice::exit_reason&) { *log = told(); }
    std::string* log;
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<fragile>(w.io, "fragile", &log);
  w.clock.settle();
  ref.call(fragile::crash{})([](auto) {});
  w.clock.settle();
  CHECK(log == "no limit, no deadline, nobody waits");
}

TEST_CASE("outside of servers there is no caller to be asked for") {
  world w;
  CHECK_THROWS_AS(static_cast<void>(this_server::caller_deadline()), std::logic_error);
  coppice::spawn(w.io, []() -> coroutine<> {
    CHECK_THROWS_AS(static_cast<void>(this_server::caller_deadline()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(this_server::time_left()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(this_server::caller_waits()), std::logic_error);
    co_return;
  });
  w.clock.settle();
}

TEST_CASE("a call whose caller has given up is handled, and the handler can know it") {
  office w;
  const std::string expected = "plain: 0 left, no deadline, nobody waits\n";
  w.ref.cast(desk::rest{2s});
  SUBCASE("its time is over") {
    w.ask(desk::plain{}, 1s);
    w.clock.advance(1s);
    CHECK(w.heard == "time ran out");
  }
  SUBCASE("it was asked to stop") {
    coppice::exit(w.ask(desk::plain{}, 1h), coppice::exit_reason::shutdown());
    w.clock.advance(1s);
    CHECK(w.heard == "Operation canceled");
  }
  SUBCASE("it was killed") { coppice::kill(w.ask(desk::plain{}, coppice::infinity)); }
  CHECK(w.log.empty());
  w.clock.advance(2s);
  CHECK(w.log == expected);
}

TEST_CASE("a caller that gives up while its call is handled does not wait any more") {
  office w;
  w.ask(desk::slow{2s}, 1s);
  w.clock.advance(2s);
  CHECK(w.log == "slow: 1000 left\nslow: 0 left, no deadline, nobody waits\n");
}

TEST_CASE("a caller without any time waits until the ready ones have had their turn") {
  office w;
  w.ask(desk::plain{}, 0s);
  CHECK(w.log == "plain: 0 left\n");
}

TEST_CASE("a reply_to tells until when it is waited for, as long as it is kept") {
  office w;
  const coppice::pid asking = w.ask(desk::keep{}, 3s);
  CHECK(w.token() == "3000 left");
  w.clock.advance(1s);
  CHECK(w.token() == "2000 left");
  SUBCASE("until the time is over") {
    w.clock.advance(1999ms);
    CHECK(w.token() == "1 left");
    w.clock.advance(1ms);
    CHECK(w.heard == "time ran out");
  }
  SUBCASE("until the caller is stopped") {
    coppice::exit(asking, coppice::exit_reason::shutdown());
    w.clock.settle();
  }
  SUBCASE("until the caller is killed") {
    coppice::kill(asking);
    w.clock.settle();
  }
  CHECK(w.token() == "no deadline, nobody waits");
}

TEST_CASE("a reply_to that has answered is not waited for") {
  office w;
  w.ask(desk::keep{}, 3s);
  auto answering = coppice::sys::replace_state(w.ref, [&](desk& d) {
    coppice::reply_to<std::string>& to = d.kept.front();
    std::move(to)("here");
    CHECK_FALSE(to.is_awaited());  // NOLINT: what is left is as it says
    CHECK_FALSE(to.deadline());
    d.kept.clear();
  });
  answering.result()([](auto) {});
  w.clock.settle();
  CHECK(w.heard == "here");
}

TEST_CASE("a handler that has answered works on for nobody") {
  struct early {
    struct ask {
      using reply = int;
    };
    coroutine<> handle(ask, coppice::reply_to<int> to) {
      std::move(to)(1);
      log->append(told() + '\n');
      co_await coppice::sleep_for(1s);
      log->append(told() + '\n');
    }
    std::string* log;
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<early>(w.io, "early", &log);
  w.clock.settle();
  ref.call(early::ask{})([](auto, int) {});
  w.clock.advance(1s);
  CHECK(log == "no limit, no deadline, nobody waits\nno limit, no deadline, nobody waits\n");
}

TEST_CASE("another thread than the loop's may not ask a reply_to") {
  struct clerk {
    struct ask {
      using reply = void;
    };
    void handle(ask, const coppice::reply_to<void>& to) {
      std::thread{[&to] {
        CHECK_THROWS_AS(static_cast<void>(to.deadline()), std::logic_error);
        CHECK_THROWS_AS(static_cast<void>(to.is_awaited()), std::logic_error);
      }}.join();
    }
  };
  world w;
  const auto ref = coppice::start_server<clerk>(w.io, "clerk");
  ref.call(clerk::ask{})([](auto) {});
  w.clock.settle();
}

TEST_CASE("a request has a deadline while its answer is fetched with a limit") {
  office w;
  w.ref.cast(desk::rest{1s});
  std::string expected = "no limit, no deadline";
  SUBCASE("not before that") {
    w.run([](office& o) -> coroutine<> {
      auto request = o.ref.send_request(desk::plain{});
      co_await coppice::sleep_for(2s);
      o.heard = co_await request.receive_response(1s);
    }(w));
  }
  SUBCASE("while it is") {
    w.run([](office& o) -> coroutine<> {
      auto request = o.ref.send_request(desk::plain{});
      o.heard = co_await request.receive_response(3s);
    }(w));
    expected = "2000 left";
  }
  SUBCASE("not without a limit") {
    w.run([](office& o) -> coroutine<> {
      auto request = o.ref.send_request(desk::plain{});
      o.heard = co_await request.receive_response();
    }(w));
  }
  SUBCASE("not if one only looks whether it is there, as the call goes on after that") {
    w.run([](office& o) -> coroutine<> {
      auto request = o.ref.send_request(desk::plain{});
      const bool there = co_await request.wait_response(3s);
      CHECK(there);
      o.heard = co_await request.receive_response();
    }(w));
  }
  SUBCASE("not when the fetching was called off, and may be tried again") {
    w.run([](office& o) -> coroutine<> {
      auto request = o.ref.send_request(desk::plain{});
      const coppice::pid me = coppice::self();
      coppice::exit(me, coppice::exit_reason::shutdown());
      try {
        o.heard = co_await request.receive_response(3s);
      } catch (const boost::system::system_error&) {
      }
      co_await coppice::sleep_for(2s);
      o.heard = co_await request.receive_response();
    }(w));
  }
  SUBCASE("not as one of a set, of which any may come next") {
    w.run([](office& o) -> coroutine<> {
      coppice::request_set<std::string> set;
      set.add(1, o.ref.send_request(desk::plain{}));
      auto next = co_await set.receive_response(3s);
      if (next) o.heard = *next->result;
    }(w));
  }
  w.clock.advance(2s);
  CHECK(w.heard == expected);
}

TEST_CASE("a request whose answer nobody will fetch is not waited for") {
  office w;
  w.ref.cast(desk::rest{2s});
  SUBCASE("it was given up") {
    w.run([](office& o) -> coroutine<> {
      auto request = o.ref.send_request(desk::plain{});
      try {
        co_await request.receive_response(1s);
      } catch (const boost::system::system_error& e) {
        o.heard = e.code().message();
      }
      co_await coppice::sleep_for(1h);
    }(w));
    w.clock.advance(1s);
    CHECK(w.heard == "time ran out");
  }
  SUBCASE("it was dropped") { auto dropped = w.ref.send_request(desk::plain{}); }
  SUBCASE("another took its place") {
    auto request = w.ref.send_request(desk::plain{});
    request = w.ref.send_request(desk::plain{});
    w.log += "plain: 0 left, no deadline, nobody waits\n";
  }
  SUBCASE("its set was dropped") {
    coppice::request_set<std::string> set;
    set.add(1, w.ref.send_request(desk::plain{}));
  }
  w.clock.advance(2s);
  const std::string nobody = "plain: 0 left, no deadline, nobody waits\n";
  CHECK(w.log.starts_with(nobody));
  CHECK(w.log.ends_with(nobody));
}

namespace {

// Asks a desk in turn, and writes down what it hears from there and when.
class front {
 public:
  struct ask {
    using reply = std::string;
    std::vector<coppice::call_limit> limit;
    std::chrono::milliseconds wait{};
  };
  struct ask_for_nobody {
    coppice::call_limit limit;
  };
  struct ask_late {
    using reply = std::string;
  };
  struct hang {
    using reply = std::string;
    std::chrono::milliseconds wait{};
  };

  front(world& w, server_ref<desk> to, std::string& log) : world_{w}, to_{to}, log_{log} {}

  coroutine<std::string> handle(const ask& m) {
    co_await coppice::sleep_for(m.wait);
    auto asking = to_.call(desk::plain{}).within(m.limit.front());
    co_return co_await asking.result();
  }
  coroutine<> handle(const ask_for_nobody& m) {
    auto asking = to_.call(desk::plain{}, m.limit);
    log_ += co_await asking.result();
  }
  coroutine<std::string> handle(ask_late) {
    auto asking = to_.call(desk::plain{}, inherited);
    co_await coppice::sleep_for(1s);
    co_return co_await asking.result();
  }
  coroutine<std::string> handle(hang m) {
    co_await coppice::sleep_for(m.wait);
    const auto begin = world_.clock.now();
    auto asking = to_.call(desk::slow{1h}, inherited);
    try {
      co_return co_await asking.result();
    } catch (const boost::system::system_error& e) {
      log_ += e.code().message() + " after " + text(world_.clock.now() - begin);
      throw;
    }
  }

 private:
  world& world_;
  server_ref<desk> to_;
  std::string& log_;
};

struct branch : office {
  template <class M>
  void send_front(M m, coppice::time_limit limit) {
    coppice::spawn(io, [this, m, limit]() -> coroutine<> {
      auto asking = at_front.call(m, limit);
      try {
        heard = co_await asking.result();
      } catch (const boost::system::system_error& e) {
        heard = e.code().message();
      }
    });
    clock.settle();
  }
  std::string ask_front(coppice::call_limit own, coppice::time_limit limit) {
    send_front(front::ask{{own}}, limit);
    return heard;
  }

  std::string front_log;
  server_ref<front> at_front =
      coppice::start_server<front>(io, "front", std::ref<world>(*this), ref, std::ref(front_log));
};

}  // namespace

TEST_CASE("a call that inherits waits as long as the caller of the handler that makes it") {
  branch w;
  CHECK(w.ask_front(inherited, 2s) == "2000 left");
  CHECK(w.ask_front(inherited, 20s) == "20000 left");
}

TEST_CASE("of an inherited limit and one of its own the shorter counts") {
  branch w;
  CHECK(w.ask_front(inherited.at_most(1s), 2s) == "1000 left");
  CHECK(w.ask_front(inherited.at_most(3s), 2s) == "2000 left");
  CHECK(w.ask_front(inherited.at_most(coppice::infinity), 2s) == "2000 left");
  CHECK(w.ask_front(3s, 2s) == "3000 left");
}

TEST_CASE("a call that has no limit to inherit has its own, or five seconds") {
  branch w;
  CHECK(w.ask_front(inherited, coppice::infinity) == "5000 left");
  CHECK(w.ask_front(inherited.at_most(1s), coppice::infinity) == "1000 left");
  CHECK(w.ask_front(inherited.at_most(coppice::infinity), coppice::infinity) ==
        "no limit, no deadline");
  SUBCASE("in the handler of a cast") {
    w.at_front.cast(front::ask_for_nobody{inherited});
    w.clock.settle();
    CHECK(w.front_log == "5000 left");
  }
  SUBCASE("in no handler") {
    w.ask(desk::plain{}, inherited);
    CHECK(w.heard == "5000 left");
  }
}

TEST_CASE("time that the handler has spent is not inherited") {
  branch w;
  w.send_front(front::ask{{inherited}, 500ms}, 2s);
  w.clock.advance(500ms);
  CHECK(w.heard == "1500 left");
}

TEST_CASE("what is inherited is known when the call is made, not when it is written") {
  branch w;
  w.send_front(front::ask_late{}, 3s);
  w.clock.advance(1s);
  CHECK(w.heard == "2000 left");
}

TEST_CASE("a chain of calls ends when its first caller gives up") {
  branch w;
  w.send_front(front::hang{}, 2s);
  w.clock.advance(1999ms);
  CHECK(w.heard.empty());
  CHECK(w.front_log.empty());
  w.clock.advance(1ms);
  CHECK(w.heard == "time ran out");
  CHECK(w.front_log == "time ran out after 2000");
}

TEST_CASE("a call that is made when its first caller has given up has no time") {
  branch w;
  w.send_front(front::hang{2s}, 1s);
  w.clock.advance(2s);
  CHECK(w.front_log == "time ran out after 0");
}

TEST_CASE("an agent is asked with an inherited limit, in and out of handlers") {
  world w;
  const auto agent = coppice::start_agent<int>(w.io, "agent", [] { return 1; });
  std::string log;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    auto asking = agent.get([](const int&) { return told(); }, inherited);
    log += co_await asking.result() + '\n';
    auto again = agent.get([](const int&) { return told(); }).within(inherited.at_most(1s));
    log += co_await again.result() + '\n';
  });
  w.clock.settle();
  CHECK(log == "5000 left\n1000 left\n");
}

namespace {

// A desk on one io_context, and a caller on another, in virtual time each.
struct two_offices {
  coppice::pid ask(coppice::time_limit limit) {
    const coppice::pid p = coppice::spawn(mine.io, [this, limit]() -> coroutine<> {
      auto asking = there.ref.call(desk::keep{}, limit);
      try {
        heard = co_await asking.result();
      } catch (const boost::system::system_error& e) {
        heard = e.code().message();
      }
    });
    mine.clock.settle();
    return p;
  }

  world mine;
  office there;
  std::string heard;
};

}  // namespace

TEST_CASE("the limit of a caller in another time counts from the arrival of its call") {
  two_offices t;
  t.ask(3s);
  t.mine.clock.advance(1s);
  t.there.clock.advance(1s);
  CHECK(t.there.log.starts_with("keep: 3000 left\n"));
  CHECK(t.there.token() == "2000 left");
}

TEST_CASE("a caller on another io_context may have no limit, and a deadline all the same") {
  two_offices t;
  t.ask(coppice::infinity);
  t.there.clock.settle();
  CHECK(t.there.token() == "no deadline");
}

TEST_CASE("a server hears of a caller on another io_context that it has given up") {
  two_offices t;
  const coppice::pid asking = t.ask(3s);
  t.there.clock.settle();
  CHECK(t.there.token() == "3000 left");
  SUBCASE("its time is over") { t.mine.clock.advance(3s); }
  SUBCASE("it was stopped") {
    coppice::exit(asking, coppice::exit_reason::shutdown());
    t.mine.clock.settle();
  }
  SUBCASE("it was killed") {
    coppice::kill(asking);
    t.mine.clock.settle();
  }
  CHECK(t.there.token() == "no deadline, nobody waits");
}

TEST_CASE("a server hears of a caller that is no process, too, that it has given up") {
  asio::io_context plain;
  asio::cancellation_signal signal;
  office there;
  there.ref.call(desk::keep{}, 3s)(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(plain.get_executor(), [](auto, const std::string&) {})));
  there.clock.settle();
  CHECK(there.token() == "3000 left");
  signal.emit(asio::cancellation_type::terminal);
  CHECK(there.token() == "no deadline, nobody waits");
}

TEST_CASE("a caller with a handler that belongs nowhere waits on the loop of the server") {
  office there;
  there.ref.call(desk::keep{}, 3s)([](auto, const std::string&) {});
  there.clock.advance(1s);
  CHECK(there.token() == "2000 left");
  there.clock.advance(2s);
  CHECK(there.token() == "no deadline, nobody waits");
}

TEST_CASE("a call to another io_context inherits what is left") {
  two_offices t;
  const auto at_front = coppice::start_server<front>(t.mine.io, "front", std::ref(t.mine),
                                                     t.there.ref, std::ref(t.heard));
  at_front.call(front::ask{{inherited}, 1s}, 3s)([](auto, const std::string&) {});
  t.mine.clock.advance(1s);
  t.there.clock.settle();
  CHECK(t.there.log == "plain: 2000 left\n");
  t.mine.clock.settle();
}

TEST_CASE("in real time the deadline of a caller elsewhere is the time at which it gives up") {
  using clock = std::chrono::steady_clock;
  struct clerk {
    struct until {
      using reply = std::optional<clock::time_point>;
    };
    std::optional<clock::time_point> handle(until) { return this_server::caller_deadline(); }
  };
  asio::io_context mine;
  asio::io_context other;
  const auto ref = coppice::start_server<clerk>(other, "clerk");
  std::optional<clock::time_point> of_process;
  std::optional<clock::time_point> of_none;
  const auto before = clock::now();
  coppice::spawn(mine, [&]() -> coroutine<> {
    of_process = co_await ref.call<clerk::until>().within(1h);
  });
  ref.call<clerk::until>().within(1h)(asio::bind_executor(
      mine.get_executor(),
      [&](auto, const std::optional<clock::time_point>& until) { of_none = until; }));
  mine.poll();
  const auto begun = clock::now();
  while (clock::now() == begun) {
  }
  other.poll();
  mine.restart();
  mine.poll();
  coppice::kill(ref.whereis());
  other.poll();
  REQUIRE(of_process);
  REQUIRE(of_none);
  for (const auto until : {*of_process, *of_none}) {
    CHECK(until >= before + 1h);
    CHECK(until <= begun + 1h);
  }
}
