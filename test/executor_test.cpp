#include <coppice/executor.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/process.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/defer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

// What any_io_executor has room for without allocating.
static_assert(sizeof(coppice::executor) <= sizeof(std::shared_ptr<void>));
static_assert(alignof(coppice::executor) <= alignof(std::shared_ptr<void>));
static_assert(std::is_nothrow_move_constructible_v<coppice::executor>);
static_assert(asio::execution::is_executor<coppice::executor>::value);

namespace {

coroutine<> asleep() { co_await coppice::sleep_for(24h); }
beside asleep_beside() { co_await coppice::sleep_for(24h); }

// A process that gives its executor away.
coppice::pid with_executor(world& w, std::optional<asio::any_io_executor>& ex) {
  const coppice::pid p = coppice::spawn(w.io, [&ex]() -> coroutine<> {
    ex = co_await asio::this_coro::executor;
    co_await asleep();
  });
  w.clock.settle();
  return p;
}

}  // namespace

TEST_CASE("an executor runs functions as its process, and inline only within that process") {
  world w;
  std::optional<asio::any_io_executor> ex;
  const coppice::pid p = with_executor(w, ex);
  std::string log;
  asio::dispatch(*ex, [&] {
    CHECK(coppice::self() == p);
    log += "first ";
    asio::post(*ex, [&] { log += "posted "; });
    asio::defer(*ex, [&] { log += "deferred "; });
    asio::dispatch(*ex, [&] { log += "inline "; });
    asio::dispatch(asio::require(*ex, asio::execution::blocking.never), [&] { log += "last "; });
  });
  CHECK(log.empty());
  w.clock.settle();
  CHECK(log == "first inline posted deferred last ");
  log.clear();
  coppice::spawn(w.io, [&]() -> coroutine<> {
    asio::dispatch(*ex, [&] {
      CHECK(coppice::self() == p);
      log += "as the other ";
    });
    log += "went on ";
    co_return;
  });
  w.clock.settle();
  CHECK(log == "went on as the other ");
}

TEST_CASE("what the io_context brings runs as its process at once, behind what waits already") {
  world w;
  std::optional<asio::any_io_executor> ex;
  const coppice::pid p = with_executor(w, ex);
  const coppice::pid crashing = coppice::spawn(w.io, []() -> coroutine<> {
    asio::steady_timer never{co_await asio::this_coro::executor, 24h};
    co_await never.async_wait(use_coroutine);
  });
  const ending end{crashing};
  std::string log;
  asio::post(w.io, [&] {
    asio::dispatch(*ex, [&] {
      CHECK(coppice::self() == p);
      log += "at once ";
      // What comes of it has its turn before the handler goes on.
      asio::post(*ex, [&] { log += "then that "; });
    });
    CHECK(coppice::self() == coppice::pid{});
    log += "handler ";
    asio::dispatch(asio::require(*ex, asio::execution::blocking.never), [&] { log += "first "; });
    asio::dispatch(*ex, [&] { log += "second "; });
    log += "done ";
  });
  w.clock.settle();
  CHECK(log == "at once then that handler done first second ");
  log.clear();
  // Nor before a message that was there first.
  coppice::mailbox<int> box;
  std::optional<asio::any_io_executor> receiver;
  const coppice::pid receiving = coppice::spawn(w.io, [&]() -> coroutine<> {
    receiver = co_await asio::this_coro::executor;
    co_await box.receive();
    log += "message ";
    co_await asleep();
  });
  w.clock.settle();
  asio::post(w.io, [&] {
    box.get_address().send(1);
    asio::dispatch(*receiver, [&] { log += "dispatched "; });
    CHECK(log.empty());
  });
  w.clock.settle();
  CHECK(log == "message dispatched ");
  log.clear();
  coppice::kill(receiving);
  // Not while a request to stop is on its way.
  asio::post(w.io, [&] {
    coppice::exit(crashing, coppice::exit_reason::shutdown());
    asio::dispatch(*ex, [&] { log += end.text(); });
    CHECK(log.empty());
  });
  w.clock.settle();
  CHECK(log == "not yet");
  CHECK(end.text() == "shutdown");
}

TEST_CASE("what throws where the io_context brings it crashes its process alone") {
  world w;
  std::optional<asio::any_io_executor> ex;
  const coppice::pid p = with_executor(w, ex);
  const ending end{p};
  bool went_on = false;
  asio::post(w.io, [&] {
    asio::dispatch(*ex, [] { throw std::runtime_error{"thrown"}; });
    went_on = true;
  });
  w.clock.settle();
  CHECK(went_on);
  CHECK(end.text() == "std::runtime_error: thrown");
}

TEST_CASE("what is posted to a process that has ended is destroyed, never run") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    world w;
    std::optional<asio::any_io_executor> ex;
    const coppice::pid p = with_executor(w, ex);
    std::string log;
    // Queued while it lives, dropped when its turn comes.
    asio::post(*ex, [&log, kept = traced{log, "queued"}] { log += "queued and run "; });
    if (killed) {
      coppice::kill(p);
    } else {
      coppice::exit(p, coppice::exit_reason::shutdown());
    }
    w.clock.settle();
    CHECK_FALSE(p.alive());
    CHECK(log == (killed ? "queued " : "queued and run queued "));
    log.clear();
    for (int i = 0; i < 10; ++i) coppice::spawn(w.io, asleep);
    w.clock.settle();
    asio::post(*ex, [&log, kept = traced{log, "posted"}] { log += "run "; });
    asio::dispatch(*ex, [&log, kept = traced{log, "dispatched"}] { log += "run "; });
    w.clock.settle();
    CHECK(log == "posted dispatched ");
    asio::co_spawn(*ex, asleep_beside(), asio::detached);
    w.clock.settle();
  }
}

TEST_CASE("executors of one process are equal, and those of different processes are not") {
  world w;
  std::optional<asio::any_io_executor> ex[4];
  const coppice::pid p = with_executor(w, ex[0]);
  with_executor(w, ex[1]);
  asio::post(*ex[0], [&ex, copy = *ex[0]] { ex[2] = copy; });
  w.clock.settle();
  CHECK(*ex[0] == *ex[2]);
  CHECK(*ex[0] != *ex[1]);
  CHECK(asio::require(*ex[0], asio::execution::blocking.never) != *ex[0]);
  CHECK(&asio::query(*ex[0], asio::execution::context) == &w.io);
  CHECK(ex[0]->target<coppice::executor>()->owner() == p);
  coppice::kill(p);
  w.clock.settle();
  // Number of the next in the same place.
  with_executor(w, ex[3]);
  CHECK(*ex[0] == *ex[2]);
  CHECK(*ex[0] != *ex[3]);
  CHECK(ex[0]->target<coppice::executor>()->owner() == p);
}

TEST_CASE("an executor stands for its process only, whoever comes after in the same place") {
  world w;
  std::vector<std::optional<asio::any_io_executor>> kept(1000);
  std::vector<coppice::pid> owners;
  for (auto& ex : kept) {
    owners.push_back(coppice::spawn(w.io, [&ex]() -> coroutine<> {
      ex = co_await asio::this_coro::executor;
      co_return;
    }));
    w.clock.settle();
  }
  const coppice::pid heir = coppice::spawn(w.io, asleep);
  w.clock.settle();
  int run = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    CHECK(kept[i]->target<coppice::executor>()->owner() == owners[i]);
    asio::post(*kept[i], [&run] { ++run; });
  }
  w.clock.settle();
  CHECK(run == 0);
  CHECK(heir.alive());
}

TEST_CASE("the typed executor of a body is the executor of its process as well") {
  world w;
  std::optional<coppice::executor> ex;
  const coppice::pid p = coppice::spawn(w.io, [&ex]() -> lean_coroutine<> {
    ex.emplace(co_await asio::this_coro::executor);
    co_await coppice::sleep_for(1s);
  });
  w.clock.settle();
  CHECK(ex->owner() == p);
  coppice::pid seen;
  asio::post(*ex, [&seen] { seen = coppice::self(); });
  w.clock.settle();
  CHECK(seen == p);
  w.clock.advance(1s);
  asio::post(*ex, [&seen] { seen = {}; });
  w.clock.settle();
  CHECK(seen == p);
}

TEST_CASE("what completes on another thread resumes its process on the loop's thread") {
  asio::io_context io;
  asio::thread_pool pool{2};
  const auto loop = std::this_thread::get_id();
  std::atomic<int> elsewhere = 0;
  int resumed = 0;
  constexpr int count = 50;
  for (int i = 0; i < count; ++i) {
    coppice::spawn(io, [&]() -> coroutine<> {
      const coppice::pid me = coppice::self();
      auto away = [&]() -> beside {
        if (std::this_thread::get_id() != loop) ++elsewhere;
        co_return;
      };
      co_await asio::co_spawn(pool, away(), use_coroutine);
      CHECK(std::this_thread::get_id() == loop);
      CHECK(coppice::self() == me);
      ++resumed;
    });
  }
  io.run();
  CHECK(elsewhere == count);
  CHECK(resumed == count);
}

TEST_CASE("what other threads post to a process that has ended is destroyed") {
  asio::io_context io;
  asio::thread_pool pool{1};
  std::latch ended{1};
  std::latch posted{1};
  std::atomic<bool> run = false;
  coppice::spawn(io, [&]() -> coroutine<> {
    const asio::any_io_executor ex = co_await asio::this_coro::executor;
    asio::post(pool, [&, ex] {
      ended.wait();
      asio::post(ex, [&run, kept = std::make_unique<int>(1)] { run = true; });
      posted.count_down();
    });
  });
  io.run();
  ended.count_down();
  posted.wait();
  io.restart();
  io.run();
  CHECK_FALSE(run);
  pool.join();
}

TEST_CASE("a process is work: run returns when the last one has ended, and not before") {
  asio::io_context io;
  bool done = false;
  coppice::spawn(io, [&done]() -> coroutine<> {
    co_await coppice::sleep_for(1ms);
    coppice::spawn([&done]() -> coroutine<> {
      co_await coppice::sleep_for(1ms);
      done = true;
    });
  });
  io.run();
  CHECK(done);
}
