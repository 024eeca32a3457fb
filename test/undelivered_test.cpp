// What is left in the queue of a server that ends.

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <coppice/exit_reason.hpp>
#include <coppice/process.hpp>
#include <coppice/server.hpp>
#include <coppice/stash.hpp>
#include <coppice/supervisor.hpp>
#include <coppice/sys.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::exit_reason;
using coppice::server_ref;
namespace this_server = coppice::this_server;

namespace {

// Counts its living objects.
struct counted {
  explicit counted(int& n) : living{&n} { ++*living; }
  counted(const counted& other) : living{other.living} { ++*living; }
  counted& operator=(const counted&) = default;
  ~counted() { --*living; }
  int* living;
};

// Takes some of its messages back, and writes down what it does.
class worker {
 public:
  struct job {
    std::string text;
  };
  struct ask {
    using reply = int;
    std::string text;
  };
  struct other {
    counted one;
  };
  struct rest {
    std::chrono::milliseconds time;
  };
  struct stop {};
  struct crash {};
  struct leave {};

  explicit worker(std::string& log) : log_{log} {}

  void handle(const job& m) { log_ += "did " + m.text + "; "; }
  int handle(const ask&) { return 1; }
  void handle(const other&) {}
  coroutine<> handle(rest m) { co_await coppice::sleep_for(m.time); }
  void handle(stop) { this_server::stop(); }
  void handle(crash) { throw std::runtime_error{"crash"}; }
  coroutine<> handle(leave) { co_await coppice::exit(exit_reason::shutdown("left")); }

  void terminate(const exit_reason& why) { log_ += "terminate " + why.to_string() + "; "; }
  void undelivered(job&& m) { log_ += "job " + std::move(m).text + "; "; }
  void undelivered(const ask& m) { log_ += "ask " + m.text + "; "; }

 private:
  std::string& log_;
};

struct shop : world {
  // A call whose outcome is written down.
  void ask(const char* text) {
    auto asking = std::make_shared<coppice::server_call<int>>(ref.call<worker::ask>(text));
    (*asking)([this, asking](const boost::system::error_code& why, int) {
      heard += why ? why.message() + ": " + asking->failure().to_string() : "answered";
    });
  }
  void leave_four() {
    ref.cast(worker::job{"a"});
    ask("b");
    ref.cast(worker::other{counted{living}});
    ref.cast(worker::job{"c"});
  }

  int living = 0;
  std::string log;
  std::string heard;
  server_ref<worker> ref = coppice::start_server<worker>(io, "worker", std::ref(log));
};

const std::string died = "it ended before it had answered: ";

}  // namespace

TEST_CASE("a server that ends gets back what it has not handled, in the order of arrival") {
  shop w;
  w.clock.settle();
  const ending end{w.ref.whereis()};
  std::string expected = "job a; ask b; job c; ";
  std::string reason;
  SUBCASE("when it stops") {
    w.ref.cast(worker::stop{});
    w.leave_four();
    w.clock.settle();
    expected = "terminate normal; " + expected;
    reason = "normal";
  }
  SUBCASE("when it crashes") {
    w.ref.cast(worker::crash{});
    w.leave_four();
    w.clock.settle();
    reason = "std::runtime_error: crash";
    expected = "terminate " + reason + "; " + expected;
  }
  SUBCASE("when it is stopped from outside, what came before that is handled") {
    w.ref.cast(worker::rest{1s});
    w.clock.settle();
    w.ref.cast(worker::job{"before"});
    w.clock.settle();
    w.ref.stop(exit_reason::shutdown())([](auto) {});
    w.clock.settle();
    w.leave_four();
    w.clock.advance(1s);
    reason = "shutdown";
    expected = "did before; terminate shutdown; " + expected;
  }
  SUBCASE("when it is killed while it handles one") {
    w.ref.cast(worker::rest{1s});
    w.clock.settle();
    w.leave_four();
    w.clock.settle();
    coppice::kill(w.ref.whereis());
    w.clock.settle();
    reason = "killed";
  }
  SUBCASE("when it is killed before it has come to them") {
    w.leave_four();
    coppice::kill(w.ref.whereis());
    w.clock.settle();
    reason = "killed";
  }
  SUBCASE("when a handler exits") {
    w.ref.cast(worker::leave{});
    w.leave_four();
    w.clock.settle();
    reason = "shutdown: left";
    expected = "terminate " + reason + "; " + expected;
  }
  CHECK(w.log == expected);
  CHECK(end.text() == reason);
  CHECK(w.heard == died + reason);
  CHECK(w.living == 0);
}

TEST_CASE("a server killed while it cleans up gets back what it has not handled") {
  struct slow_end {
    struct stop {};
    struct job {
      int number;
    };
    void handle(stop) { this_server::stop(); }
    void handle(job) {}
    coroutine<> terminate(const exit_reason&) {
      co_await coppice::sleep_for(1h);
      *log += "never ";
    }
    void undelivered(job m) { *log += std::to_string(m.number) + ' '; }
    std::string* log;
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<slow_end>(w.io, "slow", &log);
  ref.cast(slow_end::stop{});
  ref.cast(slow_end::job{1});
  w.clock.settle();
  ref.cast(slow_end::job{2});  // while it cleans up
  w.clock.settle();
  CHECK(log.empty());
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(log == "1 2 ");
}

TEST_CASE("a message whose handler has begun is not given back") {
  struct once {
    struct job {
      int number;
    };
    coroutine<> handle(job m) {
      co_await coppice::sleep_for(1s);
      if (m.number == 1) throw std::runtime_error{"no"};
    }
    void undelivered(job m) { *log += std::to_string(m.number) + ' '; }
    std::string* log;
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<once>(w.io, "once", &log);
  ref.cast(once::job{1});
  ref.cast(once::job{2});
  w.clock.settle();
  SUBCASE("it is killed amid it") {
    coppice::kill(ref.whereis());
    w.clock.settle();
  }
  SUBCASE("it throws") { w.clock.advance(1s); }
  CHECK(log == "2 ");
}

namespace {

// A server that fails to take back what is odd.
struct picky {
  struct job {
    int number;
  };
  struct stop {
    using reply = int;
  };

  void handle(job) {}
  int handle(stop) {
    this_server::stop();
    return 1;
  }
  void undelivered(job m) {
    *log += std::to_string(m.number) + ' ';
    if (m.number % 2 == 1) throw std::runtime_error{"odd " + std::to_string(m.number)};
  }
  std::string* log;
};

}  // namespace

TEST_CASE("a hook that throws is how the server ends, and the others are called all the same") {
  world w;
  std::string log;
  const auto ref = coppice::start_server<picky>(w.io, "picky", &log);
  w.clock.settle();
  const ending end{ref.whereis()};
  std::string answered;
  ref.call(picky::stop{})([&](const boost::system::error_code& why, int) {
    answered = why ? why.message() : "yes, after " + log;
  });
  for (int i = 0; i < 4; ++i) ref.cast(picky::job{i});
  w.clock.settle();
  CHECK(log == "0 1 2 3 ");
  CHECK(answered == "yes, after 0 1 2 3 ");
  CHECK(end.text() == "std::runtime_error: odd 1");
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0] == "server picky <1> terminating (std::runtime_error: odd 1)");
}

TEST_CASE("a hook that throws does not turn a kill into anything else, and is reported") {
  world w;
  std::string log;
  const auto ref = coppice::start_server<picky>(w.io, "picky", &log);
  w.clock.settle();
  const ending end{ref.whereis()};
  for (int i = 0; i < 4; ++i) ref.cast(picky::job{i});
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(log == "0 1 2 3 ");
  CHECK(end.text() == "killed");
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0] == "server picky <1> terminating (std::runtime_error: odd 1)");
}

TEST_CASE("a hook that throws after a crash is told in place of that, as a terminate is") {
  struct worse {
    struct go {};
    struct job {};
    void handle(go) { throw std::runtime_error{"bad"}; }
    void handle(job) {}
    void undelivered(job) { throw std::runtime_error{"worse"}; }
  };
  world w;
  const auto ref = coppice::start_server<worse>(w.io, "worse");
  w.clock.settle();
  const ending end{ref.whereis()};
  ref.cast(worse::go{});
  ref.cast(worse::job{});
  w.clock.settle();
  CHECK(end.text() == "std::runtime_error: worse");
}

namespace {

// Fails to start in as many ways as there are.
struct unborn {
  enum class fault { in_constructor, in_init, hangs };
  struct job {};

  unborn(fault f, std::string* l) : way{f}, log{l} {
    if (way == fault::in_constructor) throw std::runtime_error{"no"};
  }
  coroutine<> init() {
    co_await coppice::sleep_for(1s);
    if (way == fault::in_init) throw std::runtime_error{"no"};
    co_await coppice::sleep_for(1h);
  }
  void handle(job) {}
  void undelivered(job) { *log += "never"; }

  fault way;
  std::string* log;
};

}  // namespace

TEST_CASE("a server that has not come up gets nothing back") {
  for (const auto f : {unborn::fault::in_constructor, unborn::fault::in_init,
                       unborn::fault::hangs}) {
    CAPTURE(static_cast<int>(f));
    for (const bool at_once : {true, false}) {
      world w;
      std::string log;
      const auto ref = coppice::start_server<unborn>(w.io, "", f, &log);
      ref.cast(unborn::job{});
      if (!at_once) w.clock.advance(1s);
      coppice::kill(ref.whereis());
      w.clock.settle();
      CHECK_FALSE(ref.whereis());
      CHECK(log.empty());
    }
  }
}

TEST_CASE("a server that takes its messages back accepts no more of them") {
  struct greedy {
    struct stop {};
    struct job {
      int number;
    };
    void handle(stop) { this_server::stop(); }
    void handle(job) {}
    void undelivered(job m) {
      *log += std::to_string(m.number) + ' ';
      const server_ref<greedy> me{coppice::self()};
      if (me.cast(job{m.number + 1}) == coppice::send_result::closed) *log += "refused ";
      this_server::continue_with(*this, job{m.number + 1});
      this_server::monitor({});
      this_server::stop();
      this_server::idle_after(1s);
    }
    void undelivered(const coppice::down&) { *log += "never "; }
    void handle(const coppice::down&) {}
    std::string* log;
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<greedy>(w.io, "greedy", &log);
  w.clock.settle();
  const ending end{ref.whereis()};
  bool killed = false;
  SUBCASE("when it stops") { ref.cast(greedy::stop{}); }
  SUBCASE("when it is killed") { killed = true; }
  ref.cast(greedy::job{1});
  ref.cast(greedy::job{2});
  if (killed) coppice::kill(ref.whereis());
  w.clock.advance(2s);
  CHECK(log == "1 refused 2 refused ");
  CHECK(end.text() == (killed ? "killed" : "normal"));
}

TEST_CASE("what a hook does is done by its server, which has its name") {
  struct clerk {
    struct job {};
    struct hold {};
    void handle(job) {}
    coroutine<> handle(hold) {
      asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
      co_await timer.async_wait(use_coroutine);
    }
    void undelivered(job) {
      *log += coppice::self() == me ? "me " : "another ";
      *log += server_ref<clerk>{"clerk"}.whereis() == me ? "named " : "nameless ";
      *log += std::to_string(this_server::queue_length());
      if (this_server::caller_waits() || this_server::caller_deadline()) *log += "awaited";
    }
    std::string* log;
    coppice::pid me = coppice::self();
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<clerk>(w.io, "clerk", &log);
  w.clock.settle();
  SUBCASE("killed while it waits for messages") {}
  SUBCASE("killed while it waits in Asio") {
    ref.cast(clerk::hold{});
    w.clock.settle();
  }
  ref.cast(clerk::job{});
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(log == "me named 0");
}

namespace {

struct omnivore {
  struct job {
    using reply = int;
  };
  struct hold {};
  coroutine<> handle(hold) { co_await coppice::sleep_for(1h); }
  int handle(job) { return 1; }
  void handle(coppice::down) {}
  void handle(coppice::exit_signal) {}
  template <class M>
  void undelivered(M&&) {
    using type = std::remove_cvref_t<M>;
    *log += std::is_same_v<type, job>                    ? "job "
            : std::is_same_v<type, coppice::down>        ? "down "
            : std::is_same_v<type, coppice::exit_signal> ? "signal "
                                                         : "what? ";
  }
  std::string* log;
};

}  // namespace

TEST_CASE("a hook may take all that its server takes, be it a message of coppice's") {
  world w;
  std::string log;
  const auto ref = coppice::start_server<omnivore>(w.io, "omnivore", &log);
  w.clock.settle();
  ref.cast(omnivore::hold{});
  w.clock.settle();
  coppice::exit(ref.whereis(), exit_reason::shutdown());
  w.clock.settle();
  ref.call(omnivore::job{})([](auto, int) {});
  auto looking = coppice::sys::get_state(ref, [](const omnivore&) { return 1; });
  looking.result()([](auto, int) {});
  ref.ready()([](auto) {});
  w.clock.settle();
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(log == "signal job ");
}

TEST_CASE("what a bounded queue has dropped is not given back") {
  shop w;
  std::string log;
  coppice::start_supervisor(
      w.io, {.strategy = coppice::one_for_one,
             .children = {coppice::server_with<worker>(
                              {.mailbox = {.limit = 2,
                                           .when_full = coppice::overflow::drop_oldest}},
                              "small", std::ref(log))
                              .with_restart(coppice::temporary)}});
  w.clock.settle();
  const server_ref<worker> ref{w.io, "small"};
  for (const char* text : {"a", "b", "c"}) ref.cast(worker::job{text});
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(log == "job b; job c; ");
}

TEST_CASE("messages move back, and need not be copied") {
  struct mover {
    struct job {
      std::unique_ptr<int> number;
    };
    void handle(job&&) {}
    void undelivered(job m) { kept->push_back(std::move(m).number); }
    std::vector<std::unique_ptr<int>>* kept;
  };
  world w;
  std::vector<std::unique_ptr<int>> kept;
  const auto ref = coppice::start_server<mover>(w.io, "mover", &kept);
  w.clock.settle();
  ref.cast<mover::job>(std::make_unique<int>(7));
  coppice::kill(ref.whereis());
  w.clock.settle();
  REQUIRE(kept.size() == 1);
  CHECK(*kept[0] == 7);
}

namespace {

// Hands what it has not handled to its next incarnation, as its state.
class heir {
 public:
  struct job {
    int number;
    friend bool operator==(const job&, const job&) = default;
  };
  struct crash {};

  explicit heir(std::string& log) : log_{log} {}

  void handle(job m) { log_ += std::to_string(m.number) + ' '; }
  void handle(crash) { throw std::runtime_error{"crash"}; }
  void undelivered(job m) { left_.push_back(m); }

  [[nodiscard]] std::vector<job> state() const { return left_; }
  void restore(const std::vector<job>& left) {
    for (auto m = left.rbegin(); m != left.rend(); ++m) this_server::continue_with(*this, *m);
  }

 private:
  std::string& log_;
  std::vector<job> left_;
};

}  // namespace

TEST_CASE("the state of a server, taken after that, may hold what it got back") {
  world w;
  std::string log;
  coppice::child_spec spec = coppice::server<heir>("heir", std::ref(log));
  SUBCASE("for the next incarnation") {}
  SUBCASE("in a stash") {
    spec = coppice::server_with<heir>({.state = coppice::in_stash("stash")}, "heir",
                                      std::ref(log));
  }
  coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one,
                                   .intensity = 5,
                                   .children = {coppice::stash("stash"), spec}});
  w.clock.settle();
  const server_ref<heir> ref{w.io, "heir"};
  for (const bool killed : {true, false}) {
    ref.cast(heir::job{1});
    if (!killed) ref.cast(heir::crash{});
    ref.cast(heir::job{2});
    ref.cast(heir::job{3});
    if (killed) coppice::kill(ref.whereis());
    w.clock.settle();
    CHECK(log == "1 2 3 ");
    log.clear();
  }
}

TEST_CASE("a process may hand what came back to whoever has the name next") {
  struct relay {
    struct job {
      int number;
    };
    struct crash {};
    explicit relay(std::string* l) : log{l} {}
    ~relay() {
      if (left.empty()) return;
      coppice::spawn([all = std::move(left)]() -> coroutine<> {
        const server_ref<relay> next{"relay"};
        for (int i = 0; i < 100 && !next.whereis(); ++i) co_await coppice::sleep_for(10ms);
        for (const job& m : all) next.cast(m);
      });
    }
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    void handle(job m) { *log += std::to_string(m.number) + ' '; }
    void handle(crash) { throw std::runtime_error{"crash"}; }
    void undelivered(job m) { left.push_back(m); }
    std::string* log;
    std::vector<job> left;
  };
  world w;
  std::string log;
  coppice::start_supervisor(
      w.io,
      {.strategy = coppice::one_for_one, .children = {coppice::server<relay>("relay", &log)}});
  w.clock.settle();
  const server_ref<relay> ref{w.io, "relay"};
  bool killed = false;
  SUBCASE("it crashes") { ref.cast(relay::crash{}); }
  SUBCASE("it is killed") { killed = true; }
  ref.cast(relay::job{1});
  ref.cast(relay::job{2});
  if (killed) coppice::kill(ref.whereis());
  w.clock.advance(1s);
  CHECK(log == "1 2 ");
}

namespace {

// Something to wait for that completes when the test says so, and cannot be cancelled.
struct stubborn {
  auto wait() {
    return asio::async_initiate<decltype(use_coroutine), void()>(
        [this](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          complete = [shared] {
            auto ex = asio::get_associated_executor(*shared);
            asio::dispatch(ex, std::move(*shared));
          };
        },
        use_coroutine);
  }
  std::function<void()> complete;
};

struct stuck {
  struct hang {};
  struct job {};
  coroutine<> handle(hang) { co_await where->wait(); }
  void handle(job) {}
  void undelivered(job) { *log += "never"; }
  stubborn* where;
  std::string* log;
};

}  // namespace

TEST_CASE("a server that is abandoned gets nothing back, as its object is still in use") {
  world w;
  stubborn s;
  std::string log;
  const auto ref = coppice::start_server<stuck>(w.io, "stuck", &s, &log);
  ref.cast(stuck::hang{});
  ref.cast(stuck::job{});
  w.clock.settle();
  const ending end{ref.whereis()};
  coppice::kill(ref.whereis());
  w.clock.advance(1s);
  CHECK(end.text() == "killed");
  std::exchange(s.complete, nullptr)();
  w.clock.settle();
  CHECK(log.empty());
}

TEST_CASE("a server that goes with its io_context gets nothing back") {
  std::string log;
  {
    world w;
    const auto ref = coppice::start_server<worker>(w.io, "", std::ref(log));
    ref.cast(worker::rest{1h});
    ref.cast(worker::job{"a"});
    w.clock.settle();
  }
  CHECK(log.empty());
}
