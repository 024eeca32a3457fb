#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/owner.hpp"

#include <coppice/async_task.hpp>

#include <coppice/await_many.hpp>
#include <coppice/process_info.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::async;
using coppice::async_task;
using coppice::brutal_kill;
using coppice::errc;
using coppice::exit_reason;
using coppice::pid;
using coppice::task_result;

namespace {

using boost::system::error_code;

// Lives on for so long when it is asked to stop, and returns then.
asio::awaitable<int> reluctant(std::chrono::milliseconds time, int value) {
  try {
    co_await coppice::sleep_for(24h);
  } catch (const boost::system::system_error&) {
  }
  co_await coppice::sleep_for(time);
  co_return value;
}

std::string text_of(const error_code& ec) { return ec ? ec.message() : "ok"; }

template <class T>
std::string text_of(const std::optional<task_result<T>>& result) {
  if (!result) return "nothing";
  if (result->has_error()) return result->error().to_string();
  if constexpr (std::is_void_v<T>) {
    return "done";
  } else {
    return std::to_string(**result);
  }
}

template <class T>
std::string text_of(const std::vector<std::optional<task_result<T>>>& results) {
  std::string text;
  for (const auto& r : results) text += text_of(r) + ' ';
  return text;
}

// Processes that use tasks, and a log of what they hear.
struct desk : owner_world {
  // One that gets exit signals as messages, and notes them.
  pid start_trapping(body what) {
    return owner_world::start_trapping(std::move(what), [this](const signals& all) {
      for (const std::string& s : all) note("signal " + s);
    });
  }
  void note(const std::string& text) { log += (log.empty() ? "" : "; ") + text; }

  // Waits for a task and notes what it is told.
  template <class T>
  coroutine<> await_and_note(async_task<T>& task, coppice::time_limit limit = 5s) {
    std::string text;
    try {
      if constexpr (std::is_void_v<T>) {
        co_await task.await(limit);
        text = "done";
      } else {
        const T value = co_await task.await(limit);
        text = std::to_string(value);
      }
    } catch (const boost::system::system_error& e) {
      text = e.code().message();
      if (e.code() == errc::died) text += ": " + task.failure().to_string();
    }
    note(text);
  }
  template <class T>
  coroutine<> yield_and_note(async_task<T>& task, coppice::time_limit limit = 5s) {
    const auto result = co_await task.yield(limit);
    note(text_of<T>(result));
  }
  template <class T>
  coroutine<> shut_down_and_note(async_task<T>& task, coppice::shutdown how = 5s) {
    const auto result = co_await task.shutdown(how);
    note(text_of<T>(result));
  }

  std::string log;
};

}  // namespace

// TASK-01
TEST_CASE("a task is linked to the process that starts it, its owner, and has not run by then") {
  desk d;
  bool ran = false;
  pid task;
  const pid owner = d.start([&]() -> coroutine<> {
    const auto work = [&]() -> asio::awaitable<void> {
      ran = true;
      co_await coppice::sleep_for(1s);
    };
    auto t = async(work, "work");
    CHECK_FALSE(ran);
    CHECK(t);
    CHECK(t.owner() == coppice::self());
    CHECK(t.process().alive());
    task = t.process();
    co_await t.await();
  });
  CHECK(ran);
  CHECK(coppice::info(task)->links == std::vector<pid>{owner});
  CHECK(coppice::info(task)->parent == owner);
  CHECK(coppice::info(task)->label == "work");
  d.clock.advance(1s);
  CHECK_FALSE(owner.alive());
  CHECK(d.reports.empty());
}

// TASK-03
TEST_CASE("await gives what the task has returned") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto later = async(after(100ms, 1));
    auto sooner = async(after(0ms, 2));
    co_await d.await_and_note(later);
    co_await d.await_and_note(sooner);
    const auto nothing = []() -> asio::awaitable<void> { co_return; };
    auto third = async(nothing);
    co_await d.await_and_note(third);
    d.note(std::to_string(links_of(coppice::self())) + " links");
  });
  CHECK(d.log.empty());
  d.clock.advance(100ms);
  CHECK(d.log == "1; 2; done; 0 links");
}

TEST_CASE("a task may be written for any executor type that a process may have") {
  desk d;
  int got = 0;
  const auto owner = [&]() -> lean_coroutine<> {
    const auto typed = []() -> asio::awaitable<int, coppice::executor> {
      co_await coppice::sleep_for(1s);
      co_return 7;
    };
    auto first = async(typed);
    auto second = async(after(1s, 8));
    got = co_await first.await();
    got += co_await second.await();
  };
  coppice::spawn(d.io, owner);
  d.clock.advance(1s);
  CHECK(got == 15);
}

TEST_CASE("what a task returns need not be copyable, nor be made from nothing") {
  struct number {
    explicit number(int n) : value{std::make_unique<int>(n)} {}
    std::unique_ptr<int> value;
  };
  desk d;
  d.start([&]() -> coroutine<> {
    const auto make = []() -> asio::awaitable<number> { co_return number{5}; };
    auto t = async(make);
    const auto got = co_await t.yield();
    d.note(std::to_string(*got->value().value));
  });
  CHECK(d.log == "5");
}

TEST_CASE("what a task was started with is moved into it, and goes with it") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto work = [goes = traced{d.log, "gone"},
                 kept = std::make_unique<int>(3)]() -> asio::awaitable<int> {
      co_await coppice::sleep_for(1s);
      co_return *kept;
    };
    auto t = async(std::move(work));
    const int value = co_await t.await();
    d.log += std::to_string(value);
  });
  d.clock.advance(1s);
  CHECK(d.log == "gone 3");
}

// TASK-02
TEST_CASE("the owner gets what the task returned first, and hears of its normal end after that") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    auto t = async(after(100ms, 1));
    coppice::await_exit(t.process())(
        [&](const error_code&, const exit_reason& why) { d.note("down " + why.to_string()); });
    co_await d.await_and_note(t);
    co_await coppice::sleep_for(1s);
  });
  d.clock.advance(2s);
  CHECK(d.log == "1; down normal; signal normal");
}

// TASK-04
TEST_CASE("await fails when the time is over, and what comes later is destroyed") {
  desk d;
  std::string destroyed;
  d.start([&]() -> coroutine<> {
    const auto make = [&]() -> asio::awaitable<std::shared_ptr<traced>> {
      co_await coppice::sleep_for(1s);
      co_return std::make_shared<traced>(destroyed, "result");
    };
    auto t = async(make);
    const pid task = t.process();
    try {
      co_await t.await(999ms);
    } catch (const boost::system::system_error& e) {
      d.note(e.code().message() + (e.code() == errc::timeout ? "" : "?"));
    }
    CHECK(t.failure() == exit_reason::timeout());
    CHECK(task.alive());
    CHECK(links_of(task) == 1);
    co_await coppice::sleep_for(1s);
    CHECK_FALSE(task.alive());
    CHECK(destroyed == "result ");
    const auto again = co_await t.yield();
    d.note(again->error().to_string());
  });
  d.clock.advance(2s);
  CHECK(d.log == "time ran out; noproc");
}

TEST_CASE("what is there when the time is over wins, and without limit the time never is") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto exact = async(after(1s, 1));
    co_await coppice::sleep_for(0s);
    co_await d.await_and_note(exact, 1s);
    auto at_once = async(after(0ms, 2));
    co_await coppice::sleep_for(1s);
    co_await d.await_and_note(at_once, 0s);
    auto slow = async(after(24h, 3));
    co_await d.await_and_note(slow, coppice::infinity);
    auto late = async(after(1ms, 4));
    co_await d.await_and_note(late, 0s);
  });
  d.clock.advance(25h);
  CHECK(d.log == "1; 2; 3; time ran out");
}

// TASK-05
TEST_CASE("await of a task that ended without returning fails, and tells with what reason") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    auto crashes = async(crash_after(1s));
    co_await d.await_and_note(crashes);
    CHECK(crashes.failure().exception_type() == &typeid(std::runtime_error));
    const auto leave = []() -> asio::awaitable<void> {
      co_await coppice::exit(exit_reason::normal());
    };
    auto leaves = async(leave);
    co_await d.await_and_note(leaves);
    const auto odd = []() -> asio::awaitable<int> {
      throw 42;
      co_return 1;
    };
    auto odd_one = async(odd);
    co_await d.await_and_note(odd_one);
    auto killed = async(after(24h, 1));
    coppice::kill(killed.process());
    co_await d.await_and_note(killed);
    co_await d.await_and_note(killed);
  });
  d.clock.advance(1s);
  CHECK(d.log ==
        "it ended before it had answered: std::runtime_error: crash; "
        "it ended before it had answered: normal; "
        "it ended before it had answered: int; "
        "it ended before it had answered: killed; no such process; "
        "signal std::runtime_error: crash; signal normal; signal int; signal killed");
}

// TASK-05
TEST_CASE("the value of a result without one throws the task's own exception") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    auto crashes = async(crash_after(1s));
    const auto crash = co_await crashes.yield();
    CHECK_THROWS_WITH_AS(static_cast<void>(crash->value()), "crash", std::runtime_error);
    auto killed = async(after(24h, 1));
    coppice::kill(killed.process());
    const auto kill = co_await killed.yield();
    try {
      static_cast<void>(kill->value());
    } catch (const coppice::exit_exception& e) {
      d.note(e.reason().to_string());
    }
    const auto text = []() -> asio::awaitable<void> {
      co_await coppice::exit(exit_reason::error("text"));
    };
    auto said = async(text);
    const auto what = co_await said.yield();
    CHECK_THROWS_AS(what->value(), coppice::exit_exception);
  });
  d.clock.advance(1s);
  CHECK(d.log.starts_with("killed"));
}

// TASK-06
TEST_CASE("only the owner may wait for a task or stop it, and hears so at the call") {
  desk d;
  std::optional<async_task<int>> t;
  const pid owner = d.start([&]() -> coroutine<> {
    t.emplace(async(after(24h, 1)));
    co_await coppice::sleep_for(24h);
  });
  const auto refused = [&] {
    CHECK_THROWS_AS(static_cast<void>(t->await()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(t->yield()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(t->shutdown()), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(t->ignore()), std::logic_error);
    std::vector<async_task<int>> many;
    many.push_back(std::move(*t));
    CHECK_THROWS_AS(static_cast<void>(coppice::await_many(many)), std::logic_error);
    CHECK_THROWS_AS(static_cast<void>(coppice::yield_many(many)), std::logic_error);
    *t = std::move(many.front());
  };
  refused();
  d.start([&]() -> coroutine<> {
    refused();
    CHECK(t->owner() == owner);
    co_return;
  });
  CHECK(t->process().alive());
  CHECK_THROWS_AS(static_cast<void>(async(after(1s, 1))), std::logic_error);
}

TEST_CASE("an empty handle is no task") {
  async_task<int> t;
  CHECK_FALSE(t);
  CHECK_THROWS_AS(static_cast<void>(t.owner()), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(t.await()), std::logic_error);
}

TEST_CASE("one operation at a time can wait for a task") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto t = async(after(1s, 1));
    t.await()([&](const error_code& ec, int value) {
      d.note(text_of(ec) + ' ' + std::to_string(value));
    });
    const auto heard = [&](const error_code& ec, const auto&) {
      d.note(ec == asio::error::already_started ? "busy" : "?");
    };
    t.await()(heard);
    t.yield()(heard);
    t.shutdown()(heard);
    std::vector<async_task<int>> many;
    many.push_back(std::move(t));
    coppice::await_many(many)(heard);
    coppice::yield_many(many)(heard);
    co_await coppice::sleep_for(2s);
  });
  d.clock.advance(2s);
  CHECK(d.log == "busy; busy; busy; busy; busy; ok 1");
}

// TASK-07
TEST_CASE("a task that crashes takes its owner down, unless that traps exits") {
  desk d;
  const auto work = []() -> coroutine<> {
    auto t = async(crash_after(1s));
    co_await t.await();
  };
  const ending plain{d.start(work)};
  const ending waits_elsewhere{d.start([&]() -> coroutine<> {
    auto t = async(crash_after(1s));
    co_await coppice::sleep_for(24h);
  })};
  const ending trapping{d.start_trapping([&]() -> coroutine<> {
    auto t = async(crash_after(1s));
    co_await d.await_and_note(t);
  })};
  d.clock.advance(1s);
  CHECK(plain.text() == "std::runtime_error: crash");
  CHECK(waits_elsewhere.text() == "std::runtime_error: crash");
  CHECK(trapping.text() == "normal");
}

// TASK-08, PROC-30
TEST_CASE("when the owner dies its tasks die, whatever it was doing with them") {
  desk d;
  std::vector<ending> tasks;
  std::vector<pid> owners;
  const auto owner = [&](auto then) {
    owners.push_back(d.start([&, then]() -> coroutine<> {
      std::vector<async_task<int>> mine;
      for (int i = 0; i < 2; ++i) {
        mine.push_back(async(reluctant(0ms, 1)));
        tasks.emplace_back(mine.back().process());
      }
      auto doing = then(mine);
      co_await std::move(doing);
    }));
  };
  using list = std::vector<async_task<int>>;
  owner([](list&) -> coroutine<> { co_await coppice::sleep_for(24h); });
  owner([](list& t) -> coroutine<> { co_await t[0].await(coppice::infinity); });
  owner([](list& t) -> coroutine<> { co_await t[0].yield(coppice::infinity); });
  owner([](list& t) -> coroutine<> { co_await coppice::await_many(t, coppice::infinity); });
  owner([](list& t) -> coroutine<> {
    co_await coppice::yield_many(t, {.limit = coppice::infinity});
  });
  for (const pid& p : owners) coppice::kill(p);
  d.clock.settle();
  for (const pid& p : owners) CHECK_FALSE(p.alive());
  // They were asked to, and returned.
  for (const ending& e : tasks) CHECK(e.text() == "normal");
  CHECK(coppice::processes(d.io).empty());
}

// TASK-08, PROC-13
TEST_CASE("a task whose owner dies before it has run never runs") {
  desk d;
  bool ran = false;
  pid task;
  const auto run = [&]() -> asio::awaitable<void> {
    ran = true;
    co_return;
  };
  d.start([&]() -> coroutine<> {
    auto t = async(run);
    task = t.process();
    throw std::runtime_error{"first"};
    co_return;
  });
  CHECK(task);
  CHECK_FALSE(task.alive());
  CHECK_FALSE(ran);
}

TEST_CASE("a task outlives an owner that returns, and a handle that is dropped") {
  desk d;
  std::string destroyed;
  pid task;
  d.start([&]() -> coroutine<> {
    const auto make = [&]() -> asio::awaitable<std::shared_ptr<traced>> {
      co_await coppice::sleep_for(1s);
      co_return std::make_shared<traced>(destroyed, "result");
    };
    task = async(make).process();
    co_return;
  });
  d.clock.advance(999ms);
  CHECK(task.alive());
  d.clock.advance(1ms);
  CHECK_FALSE(task.alive());
  CHECK(destroyed == "result ");
}

// TASK-09
TEST_CASE("tasks that nobody waits for are started with and without a link") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    const pid free = coppice::start_task(crash_after(1s), "free");
    const pid linked = coppice::start_task_link(crash_after(2s), "linked");
    CHECK(links_of(free) == 0);
    CHECK(links_of(linked) == 1);
    co_await coppice::sleep_for(3s);
    CHECK_FALSE(linked.alive());
  });
  d.clock.advance(3s);
  CHECK(d.log == "signal std::runtime_error: crash");
  CHECK(d.reports == std::vector<std::string>{
                         "task free <2> started by <1> terminating (std::runtime_error: crash)",
                         "task linked <3> started by <1> terminating (std::runtime_error: crash)"});
}

// TASK-11
TEST_CASE("await_many gives the results in the order of the tasks") {
  desk d;
  d.start([&]() -> coroutine<> {
    std::vector<async_task<int>> tasks;
    for (int i = 1; i <= 3; ++i) tasks.push_back(async(after(400ms - i * 100ms, i)));
    const std::vector<int> values = co_await coppice::await_many(tasks);
    CHECK(values == std::vector<int>{1, 2, 3});
    d.note("values");
    tasks.clear();
    const std::vector<int> none = co_await coppice::await_many(tasks, 0s);
    CHECK(none.empty());
    const auto nothing = []() -> asio::awaitable<void> { co_return; };
    std::vector<async_task<void>> silent;
    silent.push_back(async(nothing));
    silent.push_back(async(nothing));
    co_await coppice::await_many(silent);
    d.note("done");
  });
  CHECK(d.log.empty());
  d.clock.advance(300ms);
  CHECK(d.log == "values; done");
}

// TASK-11
TEST_CASE("await_many leaves what else comes alone") {
  desk d;
  d.start([&]() -> coroutine<> {
    coppice::mailbox<int> box;
    const auto address = box.get_address();
    const auto work = [address]() -> asio::awaitable<int> {
      address.send(5);
      co_return 1;
    };
    std::vector<async_task<int>> tasks;
    tasks.push_back(async(work));
    auto other = async(after(0ms, 9));
    const auto values = co_await coppice::await_many(tasks);
    CHECK(values == std::vector<int>{1});
    CHECK(box.try_receive() == 5);
    co_await d.await_and_note(other);
  });
  CHECK(d.log == "9");
}

// TASK-11
TEST_CASE("await_many fails with the first task that fails, and forgets the others") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    std::vector<async_task<int>> tasks;
    tasks.push_back(async(after(3s, 1)));
    tasks.push_back(async(crash_after(2s)));
    tasks.push_back(async(after(1s, 3)));
    try {
      co_await coppice::await_many(tasks);
    } catch (const boost::system::system_error& e) {
      d.note(e.code() == errc::died ? tasks[1].failure().to_string() : "?");
    }
    for (auto& t : tasks) co_await d.yield_and_note(t, 0s);
    try {
      co_await coppice::await_many(tasks);
    } catch (const boost::system::system_error& e) {
      d.note(e.code().message());
    }
    coppice::kill(tasks[0].process());
  });
  d.clock.advance(2s);
  CHECK(d.log.starts_with("std::runtime_error: crash; noproc; noproc; noproc; no such process"));
}

// TASK-11
TEST_CASE("await_many fails when the time is over, and forgets all") {
  desk d;
  d.start([&]() -> coroutine<> {
    std::vector<async_task<int>> tasks;
    tasks.push_back(async(after(1s, 1)));
    tasks.push_back(async(after(3s, 2)));
    try {
      co_await coppice::await_many(tasks, 2s);
    } catch (const boost::system::system_error& e) {
      d.note(e.code().message());
    }
    CHECK(tasks[1].process().alive());
    for (auto& t : tasks) co_await d.yield_and_note(t);
    co_await coppice::sleep_for(2s);
  });
  d.clock.advance(4s);
  CHECK(d.log == "time ran out; noproc; noproc");
}

// TASK-12
TEST_CASE("yield gives the result, a reason or nothing, and can be repeated") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    auto slow = async(after(1s, 1));
    co_await d.yield_and_note(slow, 0s);
    co_await d.yield_and_note(slow, 999ms);
    co_await d.yield_and_note(slow, 1ms);
    co_await d.yield_and_note(slow);
    auto crashes = async(crash_after(0ms));
    co_await d.yield_and_note(crashes);
    const auto leave = []() -> asio::awaitable<void> {
      co_await coppice::exit(exit_reason::normal());
    };
    auto leaves = async(leave);
    co_await d.yield_and_note(leaves);
    const auto nothing = []() -> asio::awaitable<void> { co_return; };
    auto done = async(nothing);
    co_await d.yield_and_note(done);
  });
  d.clock.advance(1s);
  CHECK(d.log.starts_with("nothing; nothing; 1; noproc; std::runtime_error: crash; normal; done"));
}

TEST_CASE("a wait for a task that is cancelled leaves the task to be waited for again") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto t = async(after(2s, 1));
    asio::cancellation_signal cancel;
    std::vector<async_task<int>> many;
    const auto heard = [&](const error_code& ec, const auto&) {
      d.note(ec == asio::error::operation_aborted ? "aborted" : "?");
    };
    const auto try_once = [&](auto operation) -> coroutine<> {
      std::move(operation)(asio::bind_cancellation_slot(cancel.slot(), heard));
      cancel.emit(asio::cancellation_type::terminal);
      co_await coppice::sleep_for(1ms);
    };
    auto first = try_once(t.await());
    co_await std::move(first);
    auto second = try_once(t.yield());
    co_await std::move(second);
    many.push_back(std::move(t));
    auto third = try_once(coppice::await_many(many));
    co_await std::move(third);
    auto fourth = try_once(coppice::yield_many(many));
    co_await std::move(fourth);
    co_await d.await_and_note(many.front());
  });
  d.clock.advance(2s);
  CHECK(d.log == "aborted; aborted; aborted; aborted; 1");
}

// TASK-13
TEST_CASE("yield_many gives what there is in its time, in the order of the tasks") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    std::vector<async_task<int>> tasks;
    tasks.push_back(async(after(3s, 1)));
    tasks.push_back(async(after(1s, 2)));
    tasks.push_back(async(crash_after(2s)));
    const auto first = co_await coppice::yield_many(tasks, {.limit = 2500ms});
    d.note(text_of<int>(first));
    const auto second = co_await coppice::yield_many(tasks, {.limit = 2s});
    d.note(text_of<int>(second));
    tasks.clear();
    const auto none = co_await coppice::yield_many(tasks);
    CHECK(none.empty());
  });
  d.clock.advance(4s);
  CHECK(d.log.starts_with("nothing 2 std::runtime_error: crash ; 1 noproc noproc "));
}

// TASK-13
TEST_CASE("yield_many returns early when so many tasks have a result, and leaves the others") {
  desk d;
  d.start([&]() -> coroutine<> {
    std::vector<async_task<int>> tasks;
    for (int i = 3; i >= 1; --i) tasks.push_back(async(after(i * 1s, i)));
    const auto none = co_await coppice::yield_many(tasks, {.at_most = 0});
    d.note(text_of<int>(none));
    const auto first = co_await coppice::yield_many(
        tasks, {.at_most = 1, .on_timeout = coppice::unfinished_tasks::kill_task});
    d.note(text_of<int>(first));
    co_await d.await_and_note(tasks[0]);
    co_await d.await_and_note(tasks[1]);
  });
  d.clock.advance(3s);
  CHECK(d.log == "nothing nothing nothing ; nothing nothing 1 ; 3; 2");
}

// TASK-13
TEST_CASE("yield_many ignores or kills those that have no result when the time is over") {
  desk d;
  d.start([&]() -> coroutine<> {
    using coppice::unfinished_tasks;
    std::vector<async_task<int>> tasks;
    std::vector<ending> ends;
    const auto refill = [&] {
      tasks.clear();
      ends.clear();
      tasks.push_back(async(after(1s, 1)));
      tasks.push_back(async(after(3s, 2)));
      tasks.push_back(async(reluctant(24h, 3)));
      for (const auto& t : tasks) ends.emplace_back(t.process());
    };
    refill();
    const auto ignored =
        co_await coppice::yield_many(tasks, {.limit = 2s, .on_timeout = unfinished_tasks::ignore});
    d.note(text_of<int>(ignored));
    CHECK(tasks[1].process().alive());
    CHECK(links_of(coppice::self()) == 0);
    for (auto& t : tasks) co_await d.yield_and_note(t, 0s);
    coppice::kill(tasks[2].process());

    refill();
    const auto killed = co_await coppice::yield_many(
        tasks, {.limit = 2s, .on_timeout = unfinished_tasks::kill_task});
    d.note(text_of<int>(killed));
    CHECK_FALSE(tasks[2].process().alive());
    co_await coppice::sleep_for(0s);
    CHECK(ends[1].text() == "killed");
    CHECK(ends[2].text() == "killed");
    for (auto& t : tasks) co_await d.yield_and_note(t, 0s);
  });
  d.clock.advance(10s);
  CHECK(d.log ==
        "1 nothing nothing ; noproc; noproc; noproc; 1 nothing nothing ; noproc; noproc; noproc");
  CHECK(coppice::processes(d.io).empty());
}

// TASK-14
TEST_CASE("shutdown asks a task to stop and has nothing to tell if it does") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto obeys = async(after(24h, 1));
    const pid task = obeys.process();
    co_await d.shut_down_and_note(obeys);
    CHECK_FALSE(task.alive());
    CHECK(links_of(coppice::self()) == 0);
    auto unstarted = async(after(24h, 1));
    co_await d.shut_down_and_note(unstarted, 0s);
  });
  CHECK(d.log == "nothing; nothing");
  CHECK(coppice::processes(d.io).empty());
}

// TASK-14
TEST_CASE("shutdown gives what the task had returned, or returns in time") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto done = async(after(0ms, 1));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(done);
    auto done_too = async(after(0ms, 2));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(done_too, brutal_kill);
    auto finishes = async(reluctant(4s, 3));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(finishes);
    auto takes_its_time = async(reluctant(24h, 4));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(takes_its_time, coppice::infinity);
  });
  d.clock.advance(26h);
  CHECK(d.log == "1; 2; 3; 4");
}

// TASK-14, TASK-15
TEST_CASE("shutdown kills a task that takes too long, and tells so") {
  desk d;
  std::optional<coppice::virtual_clock::clock::time_point> when;
  const auto began = d.clock.now();
  d.start([&]() -> coroutine<> {
    auto late = async(reluctant(24h, 1));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(late, 2s);
    when = d.clock.now();
  });
  d.clock.advance(10s);
  CHECK(d.log == "killed");
  CHECK(*when - began == 3s);
}

// TASK-14
TEST_CASE("shutdown tells how a task ended otherwise, and the link carries nothing of that") {
  desk d;
  d.start([&]() -> coroutine<> {
    const auto fails = []() -> asio::awaitable<int> {
      try {
        co_await coppice::sleep_for(24h);
      } catch (const boost::system::system_error&) {
      }
      throw std::runtime_error{"while stopping"};
    };
    auto t = async(fails);
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(t);
    const auto leaves = []() -> asio::awaitable<int> {
      try {
        co_await coppice::sleep_for(24h);
      } catch (const boost::system::system_error&) {
      }
      throw coppice::exit_exception{exit_reason::shutdown("note")};
    };
    auto noted = async(leaves);
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(noted);
  });
  d.clock.advance(2s);
  CHECK(d.log == "std::runtime_error: while stopping; shutdown: note");
}

// TASK-14
TEST_CASE("an owner that traps exits has no signal of a task that it has shut down") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    auto obeys = async(after(24h, 1));
    co_await d.shut_down_and_note(obeys);
    auto killed = async(after(24h, 1));
    co_await d.shut_down_and_note(killed, brutal_kill);
    auto crashed = async(crash_after(0ms));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(crashed);
  });
  d.clock.advance(1s);
  CHECK(d.log == "nothing; nothing; std::runtime_error: crash");
}

// TASK-15
TEST_CASE("shutdown by brutal kill has nothing to tell of a task that was killed") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    auto obstinate = async(reluctant(24h, 1));
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(obstinate, brutal_kill);
    const auto leave = []() -> asio::awaitable<void> {
      co_await coppice::exit(exit_reason::shutdown());
    };
    auto left = async(leave);
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(left, brutal_kill);
  });
  d.clock.advance(2s);
  CHECK(d.log == "nothing; shutdown");
}

// TASK-16
TEST_CASE("shutdown of a task whose end was told before gives noproc") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto t = async(after(0ms, 1));
    co_await d.await_and_note(t);
    co_await d.shut_down_and_note(t);
    co_await d.shut_down_and_note(t, brutal_kill);
    CHECK_THROWS_AS(static_cast<void>(t.shutdown(-1s)), std::invalid_argument);
  });
  CHECK(d.log == "1; noproc; noproc");
}

TEST_CASE("an owner that ends, or is told to, while it shuts a task down takes it along") {
  desk d;
  std::vector<ending> tasks;
  std::vector<pid> owners;
  for (int i = 0; i < 2; ++i) {
    owners.push_back(d.start([&]() -> coroutine<> {
      auto t = async(reluctant(24h, 1));
      tasks.emplace_back(t.process());
      co_await coppice::sleep_for(1s);
      co_await t.shutdown(coppice::infinity);
    }));
  }
  d.clock.advance(2s);
  coppice::kill(owners[0]);
  coppice::exit(owners[1], exit_reason::shutdown());
  d.clock.settle();
  CHECK(tasks[0].text() == "killed");
  CHECK(tasks[1].text() == "killed");
  CHECK(coppice::processes(d.io).empty());
}

// TASK-17
TEST_CASE("ignore cuts the link and forgets the task, or gives what is there already") {
  desk d;
  d.start([&]() -> coroutine<> {
    auto crashes = async(crash_after(1s));
    d.note(text_of<int>(crashes.ignore()));
    co_await d.yield_and_note(crashes);
    auto done = async(after(0ms, 1));
    co_await coppice::sleep_for(2s);
    d.note(text_of<int>(done.ignore()));
    d.note(text_of<int>(done.ignore()));
  });
  d.clock.advance(2s);
  CHECK(d.log == "nothing; noproc; 1; noproc");
  CHECK(coppice::processes(d.io).empty());
}

// TASK-18
TEST_CASE("a task knows on whose behalf it works, through other tasks") {
  desk d;
  std::vector<pid> inner;
  pid middle;
  pid plain;
  const pid owner = d.start([&]() -> coroutine<> {
    CHECK(coppice::callers().empty());
    const auto innermost = [&]() -> asio::awaitable<void> {
      inner = coppice::callers();
      co_await coppice::sleep_for(1s);
    };
    const auto outer = [&]() -> asio::awaitable<void> {
      middle = coppice::self();
      auto t = async(innermost);
      const auto spawned = [&]() -> coroutine<> {
        CHECK(coppice::callers().empty());
        co_return;
      };
      plain = coppice::spawn(spawned);
      co_await t.await();
    };
    auto t = async(outer);
    co_await t.await();
  });
  CHECK(inner == std::vector<pid>{middle, owner});
  CHECK(coppice::info(middle)->callers == std::vector<pid>{owner});
  CHECK(coppice::info(owner)->callers.empty());
  d.clock.advance(1s);
}

TEST_CASE("the chain of callers keeps the nearest ones only") {
  desk d;
  std::vector<std::size_t> lengths;
  std::function<asio::awaitable<void>(int)> descend = [&](int depth) -> asio::awaitable<void> {
    lengths.push_back(coppice::callers().size());
    if (depth == 40) co_return;
    auto t = async([&descend, depth] { return descend(depth + 1); });
    co_await t.await();
  };
  d.start([&]() -> coroutine<> {
    auto all = descend(0);
    co_await std::move(all);
  });
  CHECK(lengths.size() == 41);
  CHECK(lengths[31] == 31);
  CHECK(lengths.back() == 32);
}

// TASK-19
TEST_CASE("a task under an ordinary supervisor is started without waiting for it to finish") {
  desk d;
  bool up = false;
  const auto slow = []() -> coroutine<> { co_await coppice::sleep_for(24h); };
  const auto sup = coppice::start_supervisor(
      d.io, {.strategy = coppice::one_for_one,
             .children = {coppice::worker("task", slow).with_restart(coppice::temporary)}});
  sup.ready()([&](const error_code& ec) { up = !ec; });
  d.clock.settle();
  CHECK(up);
}

// LOG-12
TEST_CASE("a task that crashes is reported with who started it and its callers") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    const auto outer = []() -> asio::awaitable<void> {
      auto t = async(crash_after(1s), "inner");
      co_await t.await();
    };
    auto t = async(outer, "outer");
    co_await d.yield_and_note(t);
    const auto leave = []() -> asio::awaitable<void> {
      co_await coppice::exit(exit_reason::error("given up"));
    };
    auto leaves = async(leave);
    co_await d.yield_and_note(leaves);
  });
  d.clock.advance(1s);
  // Not the outer one, which was told to end by the link.
  CHECK(d.reports ==
        std::vector<std::string>{"task inner <3> started by <2> terminating (std::runtime_error: "
                                 "crash); callers: <2>, <1>",
                                 "task <4> started by <1> terminating (error: given up)"});
}

// LOG-12
TEST_CASE("a task that ends as expected, or is killed, is not reported") {
  desk d;
  d.start_trapping([&]() -> coroutine<> {
    const auto leave = []() -> asio::awaitable<void> {
      co_await coppice::exit(exit_reason::shutdown("enough"));
    };
    auto left = async(leave);
    co_await d.yield_and_note(left);
    auto killed = async(after(24h, 1));
    coppice::kill(killed.process());
    co_await d.yield_and_note(killed);
    auto done = async(after(0ms, 1));
    co_await d.yield_and_note(done);
  });
  CHECK(d.log.starts_with("shutdown: enough; killed; 1"));
  CHECK(d.reports.empty());
}

// LOG-12
TEST_CASE("a task that was told to end and fails in a way of its own is reported") {
  desk d;
  d.start([&]() -> coroutine<> {
    const auto fails = []() -> asio::awaitable<int> {
      try {
        co_await coppice::sleep_for(24h);
      } catch (const boost::system::system_error&) {
      }
      throw std::runtime_error{"cleaning up"};
    };
    auto t = async(fails, "untidy");
    co_await coppice::sleep_for(1s);
    co_await d.shut_down_and_note(t);
  });
  d.clock.advance(1s);
  CHECK(d.reports == std::vector<std::string>{"task untidy <2> started by <1> terminating "
                                              "(std::runtime_error: cleaning up)"});
}

TEST_CASE("the io_context may go while tasks are under way") {
  std::optional<async_task<int>> kept;
  {
    desk d;
    const auto many = [&]() -> coroutine<> {
      std::vector<async_task<int>> tasks;
      tasks.push_back(async(after(24h, 1)));
      tasks.push_back(async(reluctant(24h, 1)));
      co_await coppice::await_many(tasks, coppice::infinity);
    };
    d.start(many);
    d.start([&]() -> coroutine<> {
      kept.emplace(async(after(24h, 1)));
      auto stopped = async(reluctant(24h, 1));
      co_await coppice::sleep_for(1s);
      co_await stopped.shutdown(coppice::infinity);
    });
    d.clock.advance(1s);
  }
  CHECK(*kept);
}
