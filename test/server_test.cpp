#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::exit_reason;
using coppice::server_ref;
namespace this_server = coppice::this_server;

namespace {

// A server with most of what there is.
class counter {
 public:
  struct next {
    using reply = int;
  };
  struct add {
    int delta;
    friend std::ostream& operator<<(std::ostream& out, const add& m) {
      return out << "add " << m.delta;
    }
  };
  struct slow {
    using reply = std::string;
    std::chrono::milliseconds time;
  };
  struct later {
    using reply = int;
  };
  struct answer_now {
    int value;
  };
  struct drop_answers {};
  struct crash {
    using reply = void;
    std::string text;
  };
  struct end {
    using reply = int;
    exit_reason reason;
  };
  struct rest {
    std::chrono::milliseconds time;
  };
  struct two_steps {
    using reply = int;
  };
  struct second_step {};
  struct ask_self {
    using reply = std::string;
  };

  counter(int start, std::string* log) : value_{start}, log_{log} {}

  int handle(next) { return value_++; }
  void handle(const add& m) {
    if (m.delta == 13) throw std::runtime_error{"unlucky"};
    value_ += m.delta;
  }
  asio::awaitable<std::string> handle(slow m) {
    co_await coppice::sleep_for(m.time);
    if (m.time > 1h) throw std::runtime_error{"too long"};
    co_return "waited";
  }
  void handle(later, coppice::reply_to<int> r) { answers_.push_back(std::move(r)); }
  void handle(answer_now m) {
    for (auto& r : answers_) std::move(r)(m.value);
    answers_.clear();
  }
  void handle(drop_answers) { answers_.clear(); }
  void handle(const crash& m) { throw std::runtime_error{m.text}; }
  int handle(const end& m) {
    this_server::stop(m.reason);
    return value_;
  }
  void handle(rest m) { this_server::idle_after(m.time); }
  void handle(coppice::idle_timeout) { *log_ += "idle "; }
  int handle(two_steps) {
    this_server::continue_with(*this, second_step{});
    return 1;
  }
  void handle(second_step) { *log_ += "second "; }
  asio::awaitable<std::string> handle(ask_self) {
    server_ref<counter> me{coppice::self()};
    auto asking = me.call(next{});
    try {
      co_await std::move(asking);
    } catch (const boost::system::system_error& e) {
      co_return e.code().message();
    }
    co_return "answered";
  }
  void handle(const coppice::exit_signal& s) { *log_ += "signal:" + s.reason.to_string() + ' '; }
  void handle(const coppice::down& d) { *log_ += "down:" + d.reason.to_string() + ' '; }

  void terminate(const exit_reason& reason) { *log_ += "terminate:" + reason.to_string() + ' '; }

  friend std::string describe(const counter& c) { return "value " + std::to_string(c.value_); }

 private:
  int value_;
  std::string* log_;
  std::vector<coppice::reply_to<int>> answers_;
};

using counter_ref = server_ref<counter>;

// What became of one call.
template <class R>
struct outcome {
  bool there = false;
  std::optional<R> value;
  std::string error;
};

template <class S, class M>
std::shared_ptr<outcome<typename M::reply>> ask(server_ref<S> to, M m,
                                                coppice::time_limit limit = 5s) {
  auto result = std::make_shared<outcome<typename M::reply>>();
  auto calling = std::make_shared<coppice::server_call<typename M::reply>>(to.call(m, limit));
  (*calling)([result, calling](const boost::system::error_code& ec, typename M::reply value) {
    result->there = true;
    if (!ec) {
      result->value = std::move(value);
      return;
    }
    result->error = ec.message();
    if (ec == errc::died) result->error += ": " + calling->failure().to_string();
  });
  return result;
}

struct shop : world {
  counter_ref start(int value = 123) {
    counter_ref ref = coppice::start_server<counter>(io, "counter", value, &log);
    clock.settle();
    return ref;
  }
  std::string log;
};

}  // namespace

// GS-01, GS-08, GS-09
TEST_CASE("a server answers calls and takes casts, in the order in which they were sent") {
  shop w;
  const counter_ref c = w.start();
  const auto first = ask(c, counter::next{});
  CHECK(c.cast(counter::add{10}) == coppice::send_result::delivered);
  const auto second = ask(c, counter::next{});
  CHECK_FALSE(first->there);
  w.clock.settle();
  CHECK(*first->value == 123);
  CHECK(*second->value == 134);
}

// GS-19, INIT-01
TEST_CASE("messages to a server that is not up yet wait for it") {
  shop w;
  const counter_ref c = coppice::start_server<counter>(w.io, "", 1, &w.log);
  const auto first = ask(c, counter::next{});
  w.clock.settle();
  CHECK(*first->value == 1);
}

TEST_CASE("a call is awaited in any coroutine, with any executor") {
  shop w;
  const counter_ref c = w.start();
  int sum = 0;
  const auto add = [&]() -> asio::awaitable<void> {
    auto asking = c.call(counter::next{});
    sum += co_await std::move(asking);
  };
  coppice::spawn(w.io, add);
  asio::co_spawn(w.io, add(), asio::detached);
  w.clock.settle();
  CHECK(sum == 123 + 124);
}

// GS-02, NAME-05
TEST_CASE("a call to nobody fails at once, a cast does nothing") {
  shop w;
  const counter_ref c = w.start();
  const counter_ref named{w.io, "counter"};
  const counter_ref other{w.io, "nobody"};
  const auto found = ask(named, counter::next{});
  const auto none = ask(other, counter::next{});
  w.clock.settle();
  CHECK(*found->value == 123);
  CHECK(none->error == "no such process");
  coppice::kill(c.whereis());
  w.clock.settle();
  std::vector<coppice::send_result> sent;
  coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
    sent.push_back(other.cast(counter::add{1}));
    sent.push_back(c.cast(counter::add{1}));
    co_return;
  });
  w.clock.settle();
  CHECK(sent == std::vector(2, coppice::send_result::closed));
  const auto gone = ask(c, counter::next{});
  w.clock.settle();
  CHECK(gone->error == "no such process");
}

TEST_CASE("a process that is no such server is none for a call") {
  shop w;
  const coppice::pid p =
      coppice::spawn(w.io, []() -> asio::awaitable<void> { co_await coppice::sleep_for(1h); });
  w.clock.settle();
  const auto asked = ask(counter_ref{p}, counter::next{});
  w.clock.settle();
  CHECK(asked->error == "the process is no supervisor or server of that type");
}

// GS-03, GS-15, GS-26, GS-32
TEST_CASE("a handler that throws ends the server, and everyone who waits for it hears why") {
  shop w;
  const counter_ref c = w.start();
  const ending end{c.whereis()};
  const auto before = ask(c, counter::next{});
  const auto waiting = ask(c, counter::later{});
  c.cast(counter::add{13});
  const auto queued = ask(c, counter::next{});
  w.clock.settle();
  CHECK(*before->value == 123);
  CHECK(waiting->error == "it ended before it had answered: std::runtime_error: unlucky");
  CHECK(queued->error == "it ended before it had answered: std::runtime_error: unlucky");
  CHECK(end.text() == "std::runtime_error: unlucky");
  CHECK(w.log == "terminate:std::runtime_error: unlucky ");
  REQUIRE(w.reports.size() == 1);
  CHECK(w.reports[0] ==
        "server counter <1> terminating (std::runtime_error: unlucky); last message: add 13; "
        "state: value 124");
}

namespace {

class quitter {
 public:
  struct quit {
    using reply = int;
    exit_reason why;
  };

  quitter(exit_reason at_once, std::string* log) : at_once_{std::move(at_once)}, log_{log} {}

  asio::awaitable<void> init() {
    if (at_once_.is_abnormal()) co_await coppice::exit(at_once_);
  }
  asio::awaitable<int> handle(quit m) {
    auto leaving = leave(std::move(m.why));
    co_await std::move(leaving);
    co_return 1;
  }
  asio::awaitable<void> terminate(const exit_reason& reason) {
    *log_ += "terminate:" + reason.to_string();
    co_await coppice::yield();
    *log_ += " and done";
  }

 private:
  static asio::awaitable<void> leave(exit_reason why) {
    co_await coppice::exit(std::move(why));
  }

  exit_reason at_once_;
  std::string* log_;
};

}  // namespace

TEST_CASE("a handler that exits ends the server with that reason, and terminate is called") {
  world w;
  std::string log;
  exit_reason reason;
  SUBCASE("normal") {}
  SUBCASE("shutdown") { reason = exit_reason::shutdown("enough"); }
  SUBCASE("an error") { reason = exit_reason::error("broken"); }
  const auto ref = coppice::start_server<quitter>(w.io, "quitter", exit_reason{}, &log);
  const ending end{ref.whereis()};
  const auto asked = ask(ref, quitter::quit{reason});
  w.clock.settle();
  CHECK(end.text() == reason.to_string());
  CHECK(log == "terminate:" + reason.to_string() + " and done");
  CHECK(asked->error == "it ended before it had answered: " + reason.to_string());
}

TEST_CASE("a server that exits before it is up has nothing to clean up") {
  world w;
  std::string log;
  const auto ref = coppice::start_server<quitter>(w.io, "quitter", exit_reason::error("no"), &log);
  const ending end{ref.whereis()};
  w.clock.settle();
  CHECK(end.text() == "error: no");
  CHECK(log.empty());
}

// GS-04
TEST_CASE("a server that calls itself is told so") {
  shop w;
  const counter_ref c = w.start();
  const auto asked = ask(c, counter::ask_self{});
  w.clock.settle();
  CHECK(*asked->value == "the caller would wait for itself");
}

// GS-05, GS-06
TEST_CASE("a call waits so long and no longer, and a late answer is thrown away") {
  shop w;
  const counter_ref c = w.start();
  const auto limited = ask(c, counter::slow{6000ms});
  const auto patient = ask(c, counter::next{}, coppice::infinity);
  w.clock.advance(5s - 1ns);
  CHECK_FALSE(limited->there);
  w.clock.advance(1ns);
  CHECK(limited->error == "time ran out");
  CHECK_FALSE(patient->there);
  w.clock.advance(1s);
  CHECK(*patient->value == 123);
  CHECK_FALSE(limited->value);
}

// GS-10, GS-11
TEST_CASE("an answer may be given later, or thrown away") {
  shop w;
  const counter_ref c = w.start();
  const auto first = ask(c, counter::later{});
  const auto second = ask(c, counter::later{});
  const auto next = ask(c, counter::next{});
  w.clock.settle();
  CHECK(*next->value == 123);
  CHECK_FALSE(first->there);
  c.cast(counter::answer_now{7});
  w.clock.settle();
  CHECK(*first->value == 7);
  CHECK(*second->value == 7);
  const auto third = ask(c, counter::later{});
  w.clock.settle();
  c.cast(counter::drop_answers{});
  w.clock.settle();
  CHECK(third->error == "it did not answer");
}

// GS-13, GS-14
TEST_CASE("who stops the server with a call is answered when it has cleaned up") {
  shop w;
  const counter_ref c = w.start();
  const ending end{c.whereis()};
  const auto asked = ask(c, counter::end{exit_reason::shutdown("done")});
  const auto queued = ask(c, counter::next{});
  std::string seen;
  w.clock.settle();
  CHECK(*asked->value == 123);
  CHECK(queued->error == "it ended before it had answered: shutdown: done");
  CHECK(end.text() == "shutdown: done");
  CHECK(w.log == "terminate:shutdown: done ");
  CHECK(w.reports.empty());
}

// GS-20
TEST_CASE("a step that continues comes before all that waits, and after the answer") {
  shop w;
  const counter_ref c = w.start();
  const auto asked = ask(c, counter::two_steps{});
  const auto next = ask(c, counter::next{});
  w.clock.settle();
  CHECK(*asked->value == 1);
  CHECK(*next->value == 123);
  CHECK(w.log == "second ");
}

// GS-22, GS-23
TEST_CASE("an idle timeout comes when nothing else does") {
  shop w;
  const counter_ref c = w.start();
  c.cast(counter::rest{100ms});
  w.clock.advance(99ms);
  CHECK(w.log.empty());
  w.clock.advance(1ms);
  CHECK(w.log == "idle ");
  w.clock.advance(1s);
  CHECK(w.log == "idle ");

  c.cast(counter::rest{100ms});
  w.clock.advance(50ms);
  c.cast(counter::add{1});
  w.clock.advance(1s);
  CHECK(w.log == "idle ");

  c.cast(counter::rest{0ms});
  c.cast(counter::add{1});
  w.clock.advance(1s);
  CHECK(w.log == "idle ");
}

// GS-27, GS-29
TEST_CASE("a supervisor's shutdown is handled in order, and the server cleans up") {
  shop w;
  const auto sup = coppice::start_supervisor(
      w.io, {.strategy = coppice::one_for_one,
             .children = {coppice::server<counter>("counter", 5, &w.log)}});
  w.clock.settle();
  const counter_ref c{w.io, "counter"};
  const auto before = ask(c, counter::next{});
  bool stopped = false;
  sup.stop()([&](const boost::system::error_code& ec) { stopped = !ec; });
  w.clock.settle();
  CHECK(stopped);
  CHECK(*before->value == 5);
  CHECK(w.log == "terminate:shutdown ");
}

TEST_CASE("a server that crashes is restarted from its arguments and found by its name") {
  shop w;
  coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one,
                                   .children = {coppice::server<counter>("counter", 5, &w.log)}});
  w.clock.settle();
  const counter_ref c{w.io, "counter"};
  c.cast(counter::add{10});
  c.cast(counter::add{13});
  w.clock.settle();
  const auto asked = ask(c, counter::next{});
  w.clock.settle();
  CHECK(*asked->value == 5);
}

// GS-28
TEST_CASE("a server that is killed does not clean up, and its callers hear of it") {
  shop w;
  const counter_ref c = w.start();
  const auto waiting = ask(c, counter::slow{1000ms});
  w.clock.settle();
  coppice::kill(c.whereis());
  w.clock.settle();
  CHECK(waiting->error == "it ended before it had answered: killed");
  CHECK(w.log.empty());
}

// GS-30
TEST_CASE("exit signals of others are messages, and so are the ends of what it monitors") {
  shop w;
  const counter_ref c = w.start();
  coppice::exit(c.whereis(), exit_reason::error("from outside"));
  w.clock.settle();
  CHECK(w.log == "signal:error: from outside ");
  CHECK(c.whereis().alive());
}

// GS-31
TEST_CASE("a terminate that fails is how the server ends") {
  struct bad {
    struct go {};
    void handle(go) { this_server::stop(); }
    void terminate(const exit_reason&) { throw std::runtime_error{"no"}; }
  };
  world w;
  const auto ref = coppice::start_server<bad>(w.io, "bad");
  w.clock.settle();
  const ending end{ref.whereis()};
  ref.cast(bad::go{});
  w.clock.settle();
  CHECK(end.text() == "std::runtime_error: no");
}

// GS-13, GS-28
TEST_CASE("a server killed while it cleans up leaves nothing behind") {
  struct slow_end {
    struct go {
      using reply = int;
    };
    int handle(go) {
      this_server::stop();
      return 1;
    }
    asio::awaitable<void> terminate(const exit_reason&) { co_await coppice::sleep_for(1h); }
  };
  world w;
  const auto ref = coppice::start_server<slow_end>(w.io, "slow");
  bool answered = false;
  ref.call(slow_end::go{})([&](const boost::system::error_code&, int) { answered = true; });
  w.clock.settle();
  CHECK_FALSE(answered);
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(answered);
}

// GS-33
TEST_CASE("stop waits until the server is gone") {
  shop w;
  const counter_ref c = w.start();
  std::optional<boost::system::error_code> done;
  const auto stopping = [&] {
    done.reset();
    c.stop(exit_reason::normal(), 1s)([&](const boost::system::error_code& ec) { done = ec; });
  };
  stopping();
  w.clock.settle();
  REQUIRE(done);
  CHECK_FALSE(*done);
  CHECK(w.log == "terminate:normal ");
  stopping();
  w.clock.settle();
  CHECK(*done == errc::noproc);
}

// GS-33
TEST_CASE("a stop that is asked for comes behind what is there, and before what comes later") {
  shop w;
  const counter_ref c = w.start();
  bool stopped = false;
  int before = 0;
  std::string after;
  const auto client = [&]() -> asio::awaitable<void> {
    c.cast(counter::add{10});
    auto early = c.send_request(counter::next{});
    c.stop()([&](const boost::system::error_code& ec) { stopped = !ec; });
    auto late = c.send_request(counter::next{});
    before = co_await early.receive_response();
    try {
      co_await late.receive_response();
    } catch (const boost::system::system_error& e) {
      after = e.code().message() + ": " + late.failure().to_string();
    }
  };
  coppice::spawn(w.io, client);
  w.clock.settle();
  CHECK(stopped);
  CHECK(before == 133);
  CHECK(after == "it ended before it had answered: normal");
  CHECK(w.log == "terminate:normal ");
}

// GS-04, GS-33
TEST_CASE("a server that would wait for its own stop is told so") {
  struct closer {
    struct close {
      using reply = std::string;
    };
    asio::awaitable<std::string> handle(close) {
      const server_ref<closer> me{coppice::self()};
      auto stopping = me.stop();
      try {
        co_await std::move(stopping);
      } catch (const boost::system::system_error& e) {
        co_return e.code().message();
      }
      co_return "stopped";
    }
  };
  world w;
  const auto ref = coppice::start_server<closer>(w.io, "closer");
  std::string heard;
  ref.call(closer::close{})(
      [&heard](const boost::system::error_code&, const std::string& said) { heard = said; });
  w.clock.settle();
  CHECK(heard == "the caller would wait for itself");
  CHECK(ref.whereis());
}

TEST_CASE("a full queue refuses, or drops") {
  for (const auto policy : {coppice::overflow::refuse, coppice::overflow::drop_newest,
                            coppice::overflow::drop_oldest}) {
    CAPTURE(static_cast<int>(policy));
    shop w;
    const auto spec = coppice::server_with<counter>(
        {.mailbox = {.limit = 2, .when_full = policy}}, "small", 0, &w.log);
    coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one, .children = {spec}});
    w.clock.settle();
    const counter_ref c{w.io, "small"};
    const auto first = ask(c, counter::next{});
    const auto second = ask(c, counter::next{});
    const auto third = ask(c, counter::next{});
    w.clock.settle();
    const bool oldest_goes = policy == coppice::overflow::drop_oldest;
    CHECK((oldest_goes ? first : third)->error == "its queue is full");
    CHECK(*(oldest_goes ? second : first)->value == 0);
    CHECK(*(oldest_goes ? third : second)->value == 1);
  }
}

TEST_CASE("a coroutine handler that throws ends the server as well") {
  shop w;
  const counter_ref c = w.start();
  const auto asked = ask(c, counter::slow{std::chrono::milliseconds{2h}}, coppice::infinity);
  w.clock.advance(2h);
  CHECK(asked->error == "it ended before it had answered: std::runtime_error: too long");
  CHECK(w.log == "terminate:std::runtime_error: too long ");
}

// GS-19, INIT-01
TEST_CASE("a server whose constructor or init throws has failed to start") {
  struct fails {
    fails(int where, std::string* log) : where_{where}, log_{log} {
      if (where == 1) throw std::runtime_error{"cannot be made"};
    }
    asio::awaitable<void> init() {
      co_await coppice::sleep_for(1s);
      if (where_ == 2) throw std::runtime_error{"cannot begin"};
      *log_ += "up ";
    }
    int where_;
    std::string* log_;
  };
  world w;
  std::string log;
  const auto sup = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  w.clock.settle();
  std::vector<std::string> ends;
  for (int where = 0; where < 3; ++where) {
    auto starting = sup.start_child(coppice::server<fails>("", where, &log));
    starting.ready()([&, starting](const boost::system::error_code& ec, const auto&) {
      ends.push_back(ec ? starting.failure().to_string() : "ok");
    });
    w.clock.advance(1s);
  }
  CHECK(log == "up ");
  CHECK(ends == std::vector<std::string>{"ok", "std::runtime_error: cannot be made",
                                         "std::runtime_error: cannot begin"});
}

TEST_CASE("other threads cast and call") {
  asio::io_context io;
  coppice::set_report_sink(io, {});
  std::string log;
  const counter_ref c = coppice::start_server<counter>(io, "counter", 0, &log);
  io.poll();
  std::thread loop{[&io] { io.run(); }};
  std::vector<std::thread> callers;
  std::atomic<int> answers{0};
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      for (int k = 0; k < 200; ++k) {
        c.cast(counter::add{1});
        std::future<int> f = c.call(counter::next{})(asio::use_future);
        f.get();
        ++answers;
      }
    });
  }
  for (std::thread& t : callers) t.join();
  CHECK(answers == 600);
  std::future<int> last = c.call(counter::next{})(asio::use_future);
  CHECK(last.get() == 1200);
  asio::post(io, [&] { coppice::kill(c.whereis()); });
  loop.join();
}

TEST_CASE("the io_context may go while calls are under way") {
  std::shared_ptr<outcome<std::string>> asked;
  {
    shop w;
    const counter_ref c = w.start();
    asked = ask(c, counter::slow{1000ms});
    c.cast(counter::add{1});
    w.clock.settle();
    c.cast(counter::add{1});
  }
  CHECK_FALSE(asked->there);
}

namespace {

// Steps that continue one another, and ends of all kinds.
class walker {
 public:
  struct walk {
    using reply = int;
    int steps;
  };
  struct step {
    int left;
  };
  struct keep {
    using reply = int;
  };
  struct fall {
    exit_reason reason;
  };
  struct stop_with {
    using reply = int;
    exit_reason reason;
  };
  struct wait {
    std::chrono::milliseconds time;
  };

  explicit walker(std::string* log, bool stumbles = false) : log_{log}, stumbles_{stumbles} {}

  int handle(walk m) {
    this_server::continue_with(*this, step{m.steps});
    return m.steps;
  }
  void handle(step m) {
    *log_ += "step ";
    if (m.left > 1) this_server::continue_with(*this, step{m.left - 1});
    if (m.left == 1) this_server::idle_after(1s);
    if (m.left == 0) this_server::stop(exit_reason::shutdown("arrived"));
  }
  void handle(keep, coppice::reply_to<int> answer) { kept_.emplace(std::move(answer)); }
  void handle(const fall& m) { throw coppice::exit_exception{m.reason}; }
  int handle(const stop_with& m) {
    this_server::stop(m.reason);
    return 7;
  }
  void handle(wait m) { this_server::idle_after(m.time); }
  void handle(coppice::idle_timeout) { *log_ += "idle "; }
  void terminate(const exit_reason&) {
    *log_ += "terminate ";
    if (stumbles_) throw std::runtime_error{"stumbled"};
  }

 private:
  std::string* log_;
  bool stumbles_;
  std::optional<coppice::reply_to<int>> kept_;
};

struct road : world {
  server_ref<walker> start(bool stumbles = false) {
    auto ref = coppice::start_server<walker>(io, "walker", &log, stumbles);
    clock.settle();
    return ref;
  }
  // What the caller hears.
  template <class M>
  void ask(const server_ref<walker>& ref, M m, coppice::time_limit limit = coppice::infinity) {
    auto calling = std::make_shared<coppice::server_call<typename M::reply>>(ref.call(m, limit));
    (*calling)([this, calling](const boost::system::error_code& ec, int value) {
      log += ec ? ec.message() + " (" + calling->failure().to_string() + ") "
                : std::to_string(value) + ' ';
    });
  }
  std::string log;
};

}  // namespace

// GS-21
TEST_CASE("steps that continue may chain, set a timeout, and stop") {
  road w;
  const auto ref = w.start();
  w.ask(ref, walker::walk{3});
  w.clock.settle();
  CHECK(w.log == "step step step 3 ");
  w.clock.advance(1s);
  CHECK(w.log == "step step step 3 idle ");
  const ending end{ref.whereis()};
  w.ask(ref, walker::walk{0});
  w.clock.settle();
  CHECK(w.log == "step step step 3 idle step terminate 0 ");
  CHECK(end.text() == "shutdown: arrived");
}

// GS-07
TEST_CASE("an answer that is there when the time runs out is the answer") {
  road w;
  const auto ref = w.start();
  w.ask(ref, walker::walk{3}, 0ms);
  w.clock.settle();
  CHECK(w.log == "step step step 3 ");
}

// GS-13
TEST_CASE("who stops the server with a call is answered even if the clean-up fails") {
  road w;
  const auto ref = w.start(true);
  const ending end{ref.whereis()};
  w.ask(ref, walker::stop_with{exit_reason::normal()});
  w.clock.settle();
  CHECK(w.log == "terminate 7 ");
  CHECK(end.text() == "std::runtime_error: stumbled");
}

// GS-03, GS-14
TEST_CASE("who waits for an answer hears with what reason the server has stopped") {
  road w;
  const auto ref = w.start();
  w.ask(ref, walker::keep{});
  ref.cast(walker::fall{exit_reason::shutdown("enough")});
  w.clock.settle();
  CHECK(w.log == "terminate it ended before it had answered (shutdown: enough) ");
}

// GS-26, GS-32
TEST_CASE("only an abnormal end is reported, whatever the way to it") {
  struct {
    exit_reason reason;
    bool told;
  } const ends[] = {{exit_reason::normal(), false},
                    {exit_reason::shutdown(), false},
                    {exit_reason::shutdown("note"), false},
                    {exit_reason::error("bad"), true}};
  for (const auto& e : ends) {
    for (const bool by_throw : {false, true}) {
      road w;
      const auto ref = w.start();
      if (by_throw) {
        ref.cast(walker::fall{e.reason});
      } else {
        w.ask(ref, walker::stop_with{e.reason});
      }
      w.clock.settle();
      CHECK_FALSE(ref.whereis());
      CHECK(w.log.find("terminate") != std::string::npos);
      CHECK(!w.reports.empty() == e.told);
    }
  }
}

// GS-23
TEST_CASE("an idle timeout of zero gives way to a message that waits already") {
  road w;
  const auto ref = w.start();
  ref.cast(walker::wait{0ms});
  w.ask(ref, walker::stop_with{exit_reason::normal()});
  w.clock.advance(1s);
  CHECK(w.log == "terminate 7 ");
}

// GS-33
TEST_CASE("stop has a time limit, and the server goes on stopping") {
  struct slow_end {
    struct m {};
    void handle(m) {}
    asio::awaitable<void> terminate(const exit_reason&) { co_await coppice::sleep_for(1min); }
  };
  world w;
  const auto ref = coppice::start_server<slow_end>(w.io, "slow");
  w.clock.settle();
  std::string heard;
  ref.stop(exit_reason::normal(), 1s)([&](const auto& ec) { heard = ec.message(); });
  w.clock.advance(1s);
  CHECK(heard == "time ran out");
  CHECK(ref.whereis());
  w.clock.advance(1min);
  CHECK_FALSE(ref.whereis());
}

// GS-34
TEST_CASE("a server is stopped by its pid, by its name, and by whatever finds it") {
  for (int way = 0; way < 3; ++way) {
    road w;
    const auto p = w.start().whereis();
    const server_ref<walker> ways[] = {
        {p}, {w.io, "walker"}, {coppice::process_ref{w.io, [p] { return p; }}}};
    std::string heard;
    ways[way].stop()([&](const auto& ec) { heard = ec.message(); });
    w.clock.settle();
    CHECK(heard == "Success");
    CHECK_FALSE(p.alive());
  }
}

// GS-36, AGENT-05
TEST_CASE("a linked server ends with its starter, another does not") {
  road w;
  const auto starter = coppice::spawn(w.io, [&]() -> asio::awaitable<void> {
    coppice::start_server_link<walker>("linked", &w.log);
    coppice::start_server<walker>(w.io, "free", &w.log);
    co_await coppice::sleep_for(1h);
  });
  w.clock.settle();
  coppice::exit(starter, exit_reason::shutdown());
  w.clock.settle();
  CHECK_FALSE(coppice::whereis(w.io, "linked"));
  CHECK(coppice::whereis(w.io, "free"));
}

TEST_CASE("a server knows how many messages wait, and how many answers it owes") {
  struct clerk {
    struct look {
      using reply = std::string;
    };
    struct later {
      using reply = int;
    };
    struct note {};
    std::string handle(look) {
      return std::to_string(this_server::queue_length()) + " wait, " +
             std::to_string(this_server::calls_pending()) + " due";
    }
    void handle(later, coppice::reply_to<int> r) { kept.push_back(std::move(r)); }
    void handle(note) {}
    std::vector<coppice::reply_to<int>> kept{};
  };
  world w;
  const auto ref = coppice::start_server<clerk>(w.io, "clerk");
  std::string seen;
  ref.call(clerk::later{})([](const boost::system::error_code&, int) {});
  w.clock.settle();
  ref.call(clerk::look{})(
      [&seen](const boost::system::error_code&, const std::string& s) { seen = s; });
  for (int i = 0; i < 3; ++i) ref.cast(clerk::note{});
  w.clock.settle();
  CHECK(seen == "3 wait, 2 due");
}

// LOG-01, LOG-03
TEST_CASE("the report of a server's end tells whose message it was, and who else waits") {
  asio::io_context io{1};
  coppice::virtual_clock clock{io};
  std::string told;
  coppice::set_report_sink(io, [&told](const coppice::report& r) {
    const auto* const end = std::get_if<coppice::server_terminated>(&r);
    if (end == nullptr) return;
    told += end->client ? std::string{end->client_name} : "nobody";
    told += end->client_alive ? " alive," : ",";
    for (const auto& p : end->pending) told += ' ' + coppice::info(p)->label;
  });
  std::string log;
  coppice::start_supervisor(io, {.strategy = coppice::one_for_one,
                                 .children = {coppice::server<counter>("counter", 1, &log)}});
  const auto client = [](auto message) {
    return [message]() -> asio::awaitable<void> {
      const counter_ref c{"counter"};
      auto asking = c.call(message);
      co_await std::move(asking);
    };
  };
  clock.settle();
  coppice::spawn(io, client(counter::later{}), "patient");
  clock.settle();
  SUBCASE("a call") {
    coppice::spawn(io, client(counter::crash{"now"}), "culprit");
    clock.settle();
    CHECK(told == "culprit alive, patient");
  }
  SUBCASE("a cast, while one only asks whether the server is up") {
    const counter_ref c{io, "counter"};
    coppice::spawn(io, [c]() -> asio::awaitable<void> {
      auto waiting = c.ready();
      co_await std::move(waiting);
    });
    c.cast(counter::add{13});
    clock.settle();
    CHECK(told == "nobody, patient");
  }
}

TEST_CASE("who waits for an answer that the server has kept hears how the server ended") {
  shop w;
  const counter_ref c = w.start();
  const auto kept = ask(c, counter::later{});
  w.clock.settle();
  SUBCASE("killed") {
    coppice::kill(c.whereis());
    w.clock.settle();
    CHECK(kept->error == "it ended before it had answered: killed");
  }
  SUBCASE("crashed") {
    c.cast(counter::add{13});
    w.clock.settle();
    CHECK(kept->error == "it ended before it had answered: std::runtime_error: unlucky");
  }
  SUBCASE("killed in a coroutine of its own") {
    const auto slow = ask(c, counter::slow{1000ms});
    w.clock.settle();
    coppice::kill(c.whereis());
    w.clock.settle();
    CHECK(kept->error == "it ended before it had answered: killed");
  }
}

// GS-06, GS-10
TEST_CASE("an answer that is given when the server has gone goes nowhere") {
  using chances = std::vector<coppice::reply_to<int>>;
  struct giver {
    struct ask {
      using reply = int;
    };
    explicit giver(chances* to) : given{to} {}
    void handle(ask, coppice::reply_to<int> r) { given->push_back(std::move(r)); }
    chances* given;
  };
  world w;
  chances given;
  const auto ref = coppice::start_server<giver>(w.io, "giver", &given);
  std::vector<boost::system::error_code> heard;
  ref.call(giver::ask{})([&](const boost::system::error_code& ec, int) { heard.push_back(ec); });
  w.clock.settle();
  REQUIRE(given.size() == 1);
  coppice::kill(ref.whereis());
  w.clock.settle();
  std::move(given.front())(7);
  w.clock.settle();
  CHECK(heard == std::vector<boost::system::error_code>{errc::died});
}

namespace {

// Waits, where it is told to, for ever; and ends once.
class stayer {
 public:
  enum class place { constructor, init, handler, one_of_two, idle, terminate, nowhere };
  struct go {
    using reply = void;
  };
  struct later {
    using reply = int;
  };

  stayer(place where, int* alive) : where_{where}, alive_{alive} {
    ++*alive_;
    if (where_ == place::constructor) coppice::kill(coppice::self());
  }
  stayer(const stayer&) = delete;
  stayer& operator=(const stayer&) = delete;
  ~stayer() { --*alive_; }

  asio::awaitable<void> init() {
    this_server::idle_after(10ms);
    return stay(place::init);
  }
  asio::awaitable<void> handle(go) {
    if (where_ == place::one_of_two) coppice::kill(coppice::self());
    co_await stay(place::handler);
    this_server::stop();
  }
  void handle(later, coppice::reply_to<int> answer) { kept_.push_back(std::move(answer)); }
  asio::awaitable<void> handle(coppice::idle_timeout) {
    const auto mine = std::exchange(kept_, {});
    co_await stay(place::idle);
  }
  asio::awaitable<void> terminate(const exit_reason&) { return stay(place::terminate); }

  int state() const { return 7; }
  void restore(int) {}

 private:
  asio::awaitable<void> stay(place where) {
    if (where == where_) co_await coppice::sleep_for(1h);
  }

  place where_;
  int* alive_;
  std::vector<coppice::reply_to<int>> kept_;
};

}  // namespace

TEST_CASE(
    "wherever a server is killed, stopped, or left behind, it goes, and nobody waits in vain") {
  using place = stayer::place;
  for (const place where : {place::constructor, place::init, place::handler, place::one_of_two,
                            place::idle, place::terminate, place::nowhere}) {
    for (const char* stash : {"", "stash"}) {
      for (const std::string end : {"kill", "stop", "io_context"}) {
        CAPTURE(static_cast<int>(where));
        CAPTURE(end);
        int alive = 0;
        std::vector<std::string> answers;
        {
          world w;
          auto spec =
              coppice::server_with<stayer>({.state = {.stash = stash}}, "stayer", where, &alive);
          spec.restart = coppice::restart::temporary;
          const auto tree = coppice::start_supervisor(
              w.io,
              {.strategy = coppice::one_for_one, .children = {coppice::stash("stash"), spec}});
          w.clock.advance(1ms);
          const server_ref<stayer> ref{w.io, "stayer"};
          const auto note = [&answers](const boost::system::error_code& ec, auto...) {
            answers.push_back(ec ? ec.message() : "done");
          };
          ref.call(stayer::later{}, coppice::infinity)(note);
          w.clock.advance(100ms);
          ref.call(stayer::go{}, coppice::infinity)(note);
          ref.call(stayer::later{}, coppice::infinity)(note);
          w.clock.settle();
          if (end == "kill") coppice::kill(ref.whereis());
          if (end == "stop") tree.stop()([](auto) {});
          if (end == "io_context") continue;
          w.clock.advance(10s);
          CHECK(answers.size() == 3);
          CHECK(alive == 0);
        }
        CHECK(alive == 0);
      }
    }
  }
}

TEST_CASE(
    "what a server is told, and the steps with which it continues, are not lost in a full queue") {
  struct watcher {
    struct noise {};
    struct step {};
    struct watch {
      coppice::pid process;
    };
    struct go {};
    explicit watcher(std::string* l) : log{l} {}
    void handle(noise) { *log += "noise "; }
    void handle(step) { *log += "step "; }
    void handle(watch m) {
      this_server::monitor(m.process);
      coppice::link(m.process);
    }
    asio::awaitable<void> handle(go) {
      this_server::continue_with(*this, step{});
      co_await coppice::sleep_for(1s);
    }
    void handle(const coppice::down&) { *log += "down "; }
    void handle(const coppice::exit_signal&) { *log += "signal "; }
    std::string* log;
  };
  for (const auto policy : {coppice::overflow::refuse, coppice::overflow::drop_newest,
                            coppice::overflow::drop_oldest}) {
    shop w;
    const auto spec = coppice::server_with<watcher>({.mailbox = {.limit = 2, .when_full = policy}},
                                                    "watcher", &w.log);
    coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one, .children = {spec}});
    const coppice::pid watched =
        coppice::spawn(w.io, [] { return coppice::sleep_for(1h)(asio::use_awaitable); });
    w.clock.settle();
    const server_ref<watcher> ref{w.io, "watcher"};
    ref.cast(watcher::watch{watched});
    w.clock.settle();
    ref.cast(watcher::go{});
    w.clock.settle();
    for (int i = 0; i < 10; ++i) ref.cast(watcher::noise{});
    coppice::kill(watched);
    w.clock.advance(1s);
    CHECK(w.log == "step noise noise signal down ");
  }
}

namespace {

struct part {
  struct step {};
  void again() { this_server::continue_with(*this, step{}); }
  void handle(step) { ++steps; }
  int steps = 0;
};

struct made_of_parts {
  struct go {};
  struct step {};
  struct two_steps {};
  void handle(go) { inner.again(); }
  void handle(step) { ++other; }
  void handle(two_steps) const { this_server::continue_with(*this, step{}); }
  friend std::string describe(const made_of_parts& m) { return std::to_string(m.other); }
  int other = 0;
  part inner;
};

}  // namespace

TEST_CASE("a step is asked for by the server itself, not by a part of it") {
  world w;
  const auto ref = coppice::start_server<made_of_parts>(w.io, "whole");
  const ending end{ref.whereis()};
  ref.cast(made_of_parts::two_steps{});
  w.clock.settle();
  CHECK(coppice::sys::get_status(ref.whereis())->state == "1");
  ref.cast(made_of_parts::go{});
  w.clock.settle();
  CHECK(end.text() == "std::logic_error: coppice: the server at work is of another class");
}

TEST_CASE("a coroutine that a server has started beside its handlers can stop it") {
  struct starter {
    struct go {};
    asio::awaitable<void> handle(go) {
      const auto ex = co_await asio::this_coro::executor;
      const auto beside = []() -> asio::awaitable<void> {
        co_await coppice::sleep_for(1s);
        this_server::stop(exit_reason::shutdown());
      };
      asio::co_spawn(ex, beside, asio::detached);
    }
  };
  world w;
  const auto ref = coppice::start_server<starter>(w.io, "starter");
  const ending end{ref.whereis()};
  ref.cast(starter::go{});
  w.clock.advance(1s);
  CHECK(end.text() == "shutdown");
}

TEST_CASE(
    "a server whose class can be neither copied nor moved takes arguments that cannot be copied") {
  struct pinned {
    struct get {
      using reply = int;
    };
    explicit pinned(const std::unique_ptr<int>& v) : value{*v} {}
    pinned(const pinned&) = delete;
    pinned& operator=(const pinned&) = delete;
    int handle(get) { return value; }
    int value;
  };
  world w;
  coppice::start_supervisor(
      w.io, {.strategy = coppice::one_for_one,
             .children = {coppice::server<pinned>("pinned", std::make_unique<int>(4))}});
  w.clock.settle();
  const server_ref<pinned> ref{w.io, "pinned"};
  coppice::kill(ref.whereis());
  w.clock.settle();
  int got = 0;
  ref.call(pinned::get{})([&got](auto, int value) { got = value; });
  w.clock.settle();
  CHECK(got == 4);
}

TEST_CASE("an idle timeout longer than the clock can show never comes") {
  struct patient {
    explicit patient(std::string* l) : log{l} {}
    void init() { this_server::idle_after(std::chrono::steady_clock::duration::max()); }
    void handle(coppice::idle_timeout) { *log += "idle "; }
    std::string* log;
  };
  shop w;
  const auto ref = coppice::start_server<patient>(w.io, "patient", &w.log);
  w.clock.advance(1h);
  CHECK(w.log.empty());
}
