#include "support/ending.hpp"
#include "support/owner.hpp"

#include <coppice/task_supervisor.hpp>

#include <coppice/await_many.hpp>
#include <coppice/process_info.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::async_task;
using coppice::brutal_kill;
using coppice::errc;
using coppice::exit_reason;
using coppice::pid;
using coppice::task_result;
using coppice::task_supervisor_ref;

namespace {

using boost::system::error_code;

// A task supervisor by the name of "tasks", and processes that use it.
struct office : owner_world {
  explicit office(std::size_t max_children = 100) {
    tasks.emplace(
        coppice::start_task_supervisor(io, {.name = "tasks", .max_children = max_children}));
    clock.settle();
  }

  pid start_trapping(body what) {
    return owner_world::start_trapping(std::move(what), [this](const signals& all) {
      for (const std::string& s : all) note("signal " + s);
      note(std::to_string(links_of(coppice::self())) + " links");
    });
  }
  void note(const std::string& text) { log += (log.empty() ? "" : "; ") + text; }

  template <class T>
  asio::awaitable<void> await_and_note(async_task<T>& task) {
    std::string text;
    try {
      const T value = co_await task.await();
      text = std::to_string(value);
    } catch (const boost::system::system_error& e) {
      text = e.code().message();
      if (e.code() == errc::died) text += ": " + task.failure().to_string();
    }
    note(text);
  }
  template <class T>
  void note(const task_result<T>& r) {
    note(r ? std::to_string(*r) : r.error().to_string());
  }
  std::vector<pid> children() {
    std::vector<pid> result;
    tasks->children()([&](const error_code&, std::vector<pid> all) { result = std::move(all); });
    clock.settle();
    return result;
  }

  std::optional<task_supervisor_ref> tasks;
  std::string log;
};

}  // namespace

// TSUP-01
TEST_CASE("a task under a supervisor is its child, and linked to whoever asked for it") {
  office o;
  pid task;
  const pid owner = o.start([&]() -> asio::awaitable<void> {
    auto t = o.tasks->async(after(1s, 5), {.label = "five"});
    CHECK_FALSE(t.process());
    CHECK(t.owner() == coppice::self());
    co_await coppice::sleep_for(0s);
    task = t.process();
    co_await o.await_and_note(t);
  });
  const auto info = coppice::info(task);
  CHECK(info->parent == o.tasks->whereis());
  CHECK(info->links == std::vector<pid>{owner});
  CHECK(info->label == "five");
  CHECK(o.children() == std::vector<pid>{task});
  o.clock.advance(1s);
  CHECK(o.log == "5");
  CHECK(o.children().empty());
}

// TSUP-01
TEST_CASE("a supervised task that crashes takes its owner down, and dies with it") {
  office o;
  const ending crashed{o.start([&]() -> asio::awaitable<void> {
    auto t = o.tasks->async(crash_after(1s));
    co_await t.await();
  })};
  const pid owner = o.start([&]() -> asio::awaitable<void> {
    auto t = o.tasks->async(after(24h, 1));
    co_await coppice::sleep_for(24h);
  });
  o.clock.advance(1s);
  CHECK(crashed.text() == "std::runtime_error: crash");
  CHECK(o.children().size() == 1);
  coppice::kill(owner);
  o.clock.settle();
  CHECK(o.children().empty());
  CHECK(o.tasks->whereis().alive());
}

// TSUP-02
TEST_CASE("without a link the owner hears of a crash where it waits, and the task outlives it") {
  office o;
  std::optional<pid> survivor;
  o.start_trapping([&]() -> asio::awaitable<void> {
    auto t = o.tasks->async_nolink(crash_after(1s));
    co_await o.await_and_note(t);
    auto lives = o.tasks->async_nolink(after(1h, 1));
    co_await coppice::sleep_for(1s);
    CHECK(coppice::info(lives.process())->links.empty());
    survivor = lives.process();
    throw std::runtime_error{"owner"};
  });
  o.clock.advance(2s);
  CHECK(o.log == "it ended before it had answered: std::runtime_error: crash");
  CHECK(survivor->alive());
  o.clock.advance(1h);
  CHECK_FALSE(survivor->alive());
}

// TSUP-03
TEST_CASE("a task beyond the limit is refused, with a word on how to raise it") {
  office o{1};
  o.start([&]() -> asio::awaitable<void> {
    auto first = o.tasks->async(after(1s, 1));
    auto second = o.tasks->async(after(1s, 2));
    auto third = o.tasks->async_nolink(after(1s, 3));
    auto fourth = o.tasks->async(after(1s, 4));
    co_await o.await_and_note(second);
    CHECK(second.failure().to_string().find("max_children") != std::string::npos);
    const auto result = co_await third.yield();
    CHECK_THROWS_AS(static_cast<void>(result->value()), boost::system::system_error);
    try {
      std::vector<async_task<int>> both;
      both.push_back(std::move(first));
      both.push_back(std::move(fourth));
      co_await coppice::await_many(both);
    } catch (const boost::system::system_error& e) {
      CHECK(e.code() == errc::max_children);
    }
    co_await coppice::sleep_for(2s);
    auto again = o.tasks->async(after(1s, 5));
    co_await o.await_and_note(again);
  });
  o.clock.advance(4s);
  CHECK(o.log == "the supervisor has as many children as its max_children allows; 5");
}

// TSUP-03
TEST_CASE("a stream beyond the limit is closed cleanly before it fails") {
  for (const bool linked : {true, false}) {
    office o{2};
    o.start_trapping([&, linked]() -> asio::awaitable<void> {
      const auto work = [](int i) { return after(i * 1s, i); };
      const std::vector<int> items{1, 2, 3, 4};
      auto stream = linked ? o.tasks->async_stream(items, work, {.max_concurrency = 4})
                           : o.tasks->async_stream_nolink(items, work, {.max_concurrency = 4});
      try {
        while (const auto item = co_await stream.next()) o.note(*item);
      } catch (const boost::system::system_error& e) {
        o.note(e.code() == errc::max_children ? "refused" : e.what());
      }
      co_await coppice::sleep_for(0s);
    });
    CHECK(o.log == "refused; 0 links");
    CHECK(o.children().empty());
  }
}

TEST_CASE("a supervisor that is not there is told where the result is expected") {
  office o;
  o.start([&]() -> asio::awaitable<void> {
    const task_supervisor_ref nobody{"nobody"};
    CHECK_FALSE(nobody.whereis());
    auto t = nobody.async(after(1s, 1));
    co_await o.await_and_note(t);
    CHECK(t.failure() == exit_reason::noproc());
    auto u = nobody.async_nolink(after(1s, 1));
    const auto result = co_await u.yield();
    o.note(*result);
    auto v = nobody.async(after(1s, 1));
    const auto end = co_await v.shutdown();
    o.note(*end);
    const auto work = [](int i) { return after(1s, i); };
    auto stream = nobody.async_stream(std::vector<int>{1}, work);
    try {
      co_await stream.next();
    } catch (const boost::system::system_error& e) {
      o.note(e.code().message());
    }
  });
  CHECK(o.log == "no such process; noproc; noproc; no such process");
}

TEST_CASE("a supervisor that is killed takes its tasks along, those that wait for their turn too") {
  office o;
  o.start_trapping([&]() -> asio::awaitable<void> {
    auto running = o.tasks->async_nolink(after(24h, 1));
    co_await coppice::sleep_for(1s);
    auto waiting = o.tasks->async_nolink(after(24h, 2));
    coppice::kill(o.tasks->whereis());
    co_await o.await_and_note(running);
    co_await o.await_and_note(waiting);
  });
  o.clock.advance(1s);
  CHECK(o.log == "it ended before it had answered: killed; no such process; 0 links");
}

// TSUP-04
TEST_CASE(
    "a task that nobody waits for is started, and is temporary unless something else is said") {
  office o;
  int starts = 0;
  std::vector<std::string> answers;
  const auto begin = [&](coppice::restart restart) {
    const auto work = [&]() -> asio::awaitable<int> {
      ++starts;
      co_await coppice::sleep_for(1s);
      throw std::runtime_error{"crash"};
    };
    auto starting = o.tasks->start_child(work, {.label = "work", .restart = restart});
    starting.ready()([&, starting](const error_code& ec, const coppice::started_child& child) {
      answers.push_back(ec ? ec.message() : child.process.alive() ? "up" : "?");
    });
    o.clock.settle();
  };
  begin(coppice::temporary);
  CHECK(answers == std::vector<std::string>{"up"});
  o.clock.advance(10s);
  CHECK(starts == 1);
  CHECK(o.children().empty());
  begin(coppice::transient);
  o.clock.advance(1s);
  CHECK(starts == 3);
  CHECK(o.children().size() == 1);
  CHECK(coppice::info(o.children().front())->label == "work");
}

// TSUP-04, TASK-09
TEST_CASE("what a task that nobody waits for returns is thrown away") {
  office o;
  std::string gone;
  const auto work = [&]() -> asio::awaitable<traced> { co_return traced{gone, "result"}; };
  o.tasks->start_child(work);
  o.clock.settle();
  CHECK(gone == "result ");
  CHECK(o.children().empty());
}

// TSUP-05
TEST_CASE("a task that somebody waits for is never restarted, and has five seconds to stop") {
  CHECK(coppice::task_options{}.shutdown == coppice::shutdown{5s});
  CHECK(coppice::task_child_options{}.shutdown == coppice::shutdown{5s});
  CHECK(coppice::task_child_options{}.restart == coppice::temporary);
  office o;
  int starts = 0;
  o.start_trapping([&]() -> asio::awaitable<void> {
    const auto work = [&]() -> asio::awaitable<int> {
      ++starts;
      throw std::runtime_error{"crash"};
      co_return 1;
    };
    auto t = o.tasks->async_nolink(work);
    co_await o.await_and_note(t);
  });
  o.clock.advance(1s);
  CHECK(starts == 1);
  CHECK(o.children().empty());
}

// TSUP-06
TEST_CASE("the supervisor stops each task in the way that was asked for it") {
  office o;
  std::vector<ending> ends;
  std::string cleaned;
  o.start([&]() -> asio::awaitable<void> {
    const auto slow = [&](std::string name) {
      return [&, name]() -> asio::awaitable<int> {
        try {
          co_await coppice::sleep_for(24h);
        } catch (const boost::system::system_error&) {
          cleaned += name + ' ';
        }
        co_await coppice::sleep_for(10s);
        cleaned += name + ' ';
        co_return 1;
      };
    };
    auto patient = o.tasks->async_nolink(slow("patient"), {.shutdown = 20s});
    auto hasty = o.tasks->async_nolink(slow("hasty"));
    auto brutal = o.tasks->async_nolink(slow("brutal"), {.shutdown = brutal_kill});
    o.tasks->start_child(slow("child"), {.shutdown = brutal_kill});
    co_await coppice::sleep_for(1s);
    for (const auto* t : {&patient, &hasty, &brutal}) ends.emplace_back(t->process());
    CHECK_THROWS_AS(static_cast<void>(o.tasks->async(after(1s, 1), {.shutdown = -1s})),
                    std::invalid_argument);
    co_await coppice::sleep_for(24h);
  });
  o.clock.advance(1s);
  bool stopped = false;
  o.tasks->supervisor().stop()([&](const error_code& ec) { stopped = !ec; });
  o.clock.advance(5s);
  CHECK(ends[2].text() == "killed");
  CHECK(ends[1].text() == "killed");
  CHECK(ends[0].text() == "not yet");
  CHECK(cleaned == "patient hasty ");
  o.clock.advance(5s);
  CHECK(ends[0].text() == "normal");
  CHECK(cleaned == "patient hasty patient ");
  CHECK(stopped);
}

// TSUP-07
TEST_CASE("running tasks are listed and counted, and can be ended one by one") {
  office o;
  std::vector<pid> made;
  o.start([&]() -> asio::awaitable<void> {
    auto first = o.tasks->async_nolink(after(24h, 1));
    auto second = o.tasks->async_nolink(after(24h, 2));
    co_await coppice::sleep_for(0s);
    made = {first.process(), second.process()};
    const std::vector<pid> listed = co_await o.tasks->children();
    CHECK(listed == made);
    const auto counts = co_await o.tasks->count_children();
    CHECK(counts.active == 2);
    CHECK(counts.workers == 2);
    co_await o.tasks->terminate_child(made[0]);
    o.note("ended");
    try {
      co_await o.tasks->terminate_child(made[0]);
    } catch (const boost::system::system_error& e) {
      o.note(e.code().message());
    }
    const std::vector<pid> left = co_await o.tasks->children();
    CHECK(left == std::vector<pid>{made[1]});
    co_await o.await_and_note(first);
  });
  CHECK(o.log == "ended; no such child or application; it ended before it had answered: shutdown");
}

// TSUP-08
TEST_CASE("a task whose owner has died before it was started ends quietly, and never runs") {
  for (const bool linked : {true, false}) {
    office o;
    bool ran = false;
    const auto run = [&]() -> asio::awaitable<void> {
      ran = true;
      co_return;
    };
    const pid owner = o.start([&, linked]() -> asio::awaitable<void> {
      if (linked) {
        static_cast<void>(o.tasks->async(run));
      } else {
        static_cast<void>(o.tasks->async_nolink(run));
      }
      co_return;
    });
    CHECK_FALSE(owner.alive());
    CHECK_FALSE(ran);
    CHECK(o.children().empty());
    CHECK(o.tasks->whereis().alive());
    for (const std::string& r : o.reports) CHECK(r.find("terminating") == std::string::npos);
  }
}

TEST_CASE("a task that is given up before it has been started does not run, or runs unlinked") {
  office o;
  std::string ran;
  o.start([&]() -> asio::awaitable<void> {
    const auto run = [&](std::string name) {
      return [&, name]() -> asio::awaitable<int> {
        ran += name + ' ';
        co_await coppice::sleep_for(1h);
        throw std::runtime_error{"too late to matter"};
      };
    };
    auto ignored = o.tasks->async(run("ignored"));
    CHECK_FALSE(ignored.ignore());
    auto stopped = o.tasks->async(run("stopped"));
    const auto end = co_await stopped.shutdown();
    CHECK_FALSE(end);
    std::vector<async_task<int>> many;
    many.push_back(o.tasks->async(run("killed")));
    const auto ends = co_await coppice::yield_many(
        many, {.limit = 0s, .on_timeout = coppice::unfinished_tasks::kill_task});
    CHECK_FALSE(ends[0]);
    auto slow = o.tasks->async_nolink(run("late"));
    try {
      co_await slow.await(0s);
    } catch (const boost::system::system_error& e) {
      o.note(e.code().message());
    }
    co_await coppice::sleep_for(2h);
    o.note("alive");
  });
  o.clock.advance(3h);
  CHECK(ran == "ignored late ");
  CHECK(o.log == "time ran out; alive");
}

// TSUP-09, TASK-18
TEST_CASE("the parent of a supervised task is its supervisor, its callers are who asked for it") {
  office o;
  std::vector<std::pair<pid, std::vector<pid>>> heard;
  pid outer;
  const auto listen = [&]() -> asio::awaitable<void> {
    const auto info = coppice::info(coppice::self());
    heard.emplace_back(info->parent, coppice::callers());
    co_return;
  };
  const pid owner = o.start([&]() -> asio::awaitable<void> {
    const auto middle = [&]() -> asio::awaitable<void> {
      outer = coppice::self();
      auto linked = o.tasks->async(listen);
      co_await linked.await();
      auto unlinked = o.tasks->async_nolink(listen);
      co_await unlinked.await();
      auto starting = o.tasks->start_child(listen);
      co_await starting.ready();
      co_await coppice::sleep_for(0s);
      const auto each = [&](int) { return listen(); };
      auto stream = o.tasks->async_stream(std::vector<int>{1}, each);
      while (co_await stream.next()) continue;
    };
    auto t = o.tasks->async(middle);
    co_await t.await();
  });
  CHECK(heard.size() == 4);
  for (const auto& [parent, callers] : heard) {
    CHECK(parent == o.tasks->whereis());
    CHECK(callers == std::vector<pid>{outer, owner});
  }
}

// STREAM-01, STREAM-02, STREAM-03, STREAM-08
TEST_CASE("a supervised stream gives its results as any other, and leaves nothing") {
  office o;
  o.start_trapping([&]() -> asio::awaitable<void> {
    const auto work = [](int i) { return after(i * 1s, i); };
    auto ordered = o.tasks->async_stream(std::vector<int>{3, 1, 2}, work, {.max_concurrency = 2});
    while (const auto item = co_await ordered.next()) o.note(*item);
    auto unordered = o.tasks->async_stream_nolink(std::vector<int>{3, 1, 2}, work,
                                                  {.max_concurrency = 3, .ordered = false});
    while (const auto item = co_await unordered.next()) o.note(*item);
    {
      auto left = o.tasks->async_stream(std::vector<int>{1, 4, 4}, work, {.max_concurrency = 3});
      const auto item = co_await left.next();
      o.note(*item);
    }
    co_await coppice::sleep_for(0s);
    const auto none = co_await o.tasks->children();
    CHECK(none.empty());
  });
  o.clock.advance(20s);
  CHECK(o.log == "3; 1; 2; 1; 2; 3; 1; 0 links");
}

// STREAM-05
TEST_CASE("a late item of a supervised stream is killed, started or not") {
  office o;
  o.start([&]() -> asio::awaitable<void> {
    const auto work = [](int i) { return after(i * 1s, i); };
    auto stream =
        o.tasks->async_stream(std::vector<int>{9, 1}, work,
                              {.limit = 2s, .on_timeout = coppice::stream_timeout::kill_task});
    while (const auto item = co_await stream.next()) o.note(*item);
    auto none = o.tasks->async_stream(
        std::vector<int>{1}, work, {.limit = 0s, .on_timeout = coppice::stream_timeout::kill_task});
    while (const auto item = co_await none.next()) o.note(*item);
  });
  o.clock.advance(3s);
  CHECK(o.log == "timeout; 1; timeout");
  CHECK(o.children().empty());
}

// STREAM-07
TEST_CASE("an item that fails ends its consumer only if the stream is linked") {
  office o;
  const auto consumer = [&](bool linked) {
    return o.start([&, linked]() -> asio::awaitable<void> {
      const auto work = [](int i) -> asio::awaitable<int> {
        return i == 0 ? crash_after(1s) : after(2s, i);
      };
      const std::vector<int> items{0, 1};
      auto stream = linked ? o.tasks->async_stream(items, work, {.max_concurrency = 2})
                           : o.tasks->async_stream_nolink(items, work, {.max_concurrency = 2});
      while (const auto item = co_await stream.next()) o.note(*item);
    });
  };
  const ending linked{consumer(true)};
  const ending unlinked{consumer(false)};
  o.clock.advance(2s);
  CHECK(linked.text() == "std::runtime_error: crash");
  CHECK(unlinked.text() == "normal");
  CHECK(o.log == "std::runtime_error: crash; 1");
  CHECK(o.children().empty());
}

TEST_CASE("a task supervisor is a child like any other, and may be linked to whoever starts it") {
  world w;
  coppice::start_supervisor(w.io, {.name = "root",
                                   .strategy = coppice::one_for_one,
                                   .children = {coppice::task_supervisor({.name = "tasks"})}});
  w.clock.settle();
  const task_supervisor_ref tasks{w.io, "tasks"};
  CHECK(tasks.whereis().alive());
  std::string log;
  pid linked;
  const auto use = [&]() -> asio::awaitable<void> {
    const task_supervisor_ref mine = coppice::start_task_supervisor_link();
    linked = mine.whereis();
    auto t = task_supervisor_ref{"tasks"}.async(after(1s, 1));
    auto u = mine.async(after(1s, 2));
    const int first = co_await t.await();
    const int second = co_await u.await();
    log += std::to_string(first + second);
  };
  coppice::spawn(w.io, use);
  w.clock.settle();
  CHECK(linked.alive());
  w.clock.advance(1s);
  CHECK(log == "3");
  CHECK_FALSE(linked.alive());
  CHECK_THROWS_AS(coppice::start_task_supervisor(w.io, {.period = 0s}), std::invalid_argument);
}

// LOG-12
TEST_CASE("a supervised task that crashes is reported, with who asked for it") {
  office o;
  o.start_trapping([&]() -> asio::awaitable<void> {
    auto t = o.tasks->async_nolink(crash_after(1s), {.label = "work"});
    co_await o.await_and_note(t);
  });
  o.clock.advance(1s);
  std::string told;
  for (const std::string& r : o.reports) {
    if (r.starts_with("task ")) told += r;
  }
  CHECK(told == "task work <3> started by <2> terminating (std::runtime_error: crash)");
}

TEST_CASE("the io_context may go while supervised tasks are under way") {
  office o;
  o.start([&]() -> asio::awaitable<void> {
    auto running = o.tasks->async(after(24h, 1));
    co_await coppice::sleep_for(1s);
    auto waiting = o.tasks->async(after(24h, 1));
    const auto work = [](int i) { return after(i * 1s, i); };
    auto stream = o.tasks->async_stream(std::vector<int>{9}, work, {.limit = coppice::infinity});
    co_await stream.next();
  });
  o.clock.advance(2s);
}
