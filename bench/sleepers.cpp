// What do 1,000,000 processes cost, each, that all sleep at once, wake and end?
//
//   sleepers.memory.awaitable  bytes: by how much the operating system's peak of resident memory
//                              grows, from before the first starts until the last has ended
//   sleepers.time.awaitable    nanoseconds of processor time, of the same run
//   sleepers.memory.task, sleepers.time.task  the same with bodies that are a coppice::task
//
// They sleep in coppice::sleep_for. Bare: awaitables with a steady_timer each. Memory comes fresh
// from the system, and what the processor does for that is part of the time.

#include "harness.hpp"
#include "new_process.hpp"

#include <coppice/task.hpp>

namespace bench {

namespace {

constexpr long usual_sleepers = 1'000'000;

struct census {
  long all;
  // Those that wake before all of them are asleep sleep again. A million sleep for 3 s.
  std::chrono::microseconds nap{3 * all};
  long asleep = 0;
  long ended = 0;

  [[nodiscard]] bool all_at_once() const { return asleep == all; }
};

template <class Coroutine>
Coroutine sleeper(census& c) {
  ++c.asleep;
  do {
    co_await coppice::sleep_for(c.nap);
  } while (!c.all_at_once());
  ++c.ended;
}

asio::awaitable<void> bare_sleeper(census& c) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  ++c.asleep;
  do {
    timer.expires_after(c.nap);
    co_await timer.async_wait(asio::use_awaitable);
  } while (!c.all_at_once());
  ++c.ended;
}

template <class Start>
usage each(asio::io_context& io, const census& c, Start start) {
  const usage before = used();
  for (long i = 0; i < c.all; ++i) start();
  io.run();
  expect(c.ended == c.all, "not all have slept and ended");
  return each_since(before, c.all);
}

template <class Coroutine>
usage coppice_sleepers(long n) {
  asio::io_context io{1};
  count_reports(io);
  census c{.all = n};
  return each(io, c, [&] { coppice::spawn(io, sleeper<Coroutine>(c)); });
}

usage bare_sleepers(long n) {
  asio::io_context io;
  census c{.all = n};
  return each(io, c, [&] { asio::co_spawn(io, bare_sleeper(c), [](std::exception_ptr) {}); });
}

// The latest turn measures two rows in one go, and bare Asio serves both kinds.
usage awaitables;
usage tasks;
usage bare;

}  // namespace

/// @param n How many sleep.
void add_sleepers(std::vector<family>& to, size n) {
  const long all = n.value_or(usual_sleepers);
  family f{.name = "sleepers", .all = {}, .sized = true};
  f.add("sleepers.memory.awaitable", "coppice", [all] {
    awaitables = in_new_process([all] { return coppice_sleepers<asio::awaitable<void>>(all); });
    return awaitables.memory;
  });
  f.add("sleepers.memory.awaitable", "bare", [all] {
    bare = in_new_process([all] { return bare_sleepers(all); });
    return bare.memory;
  });
  f.add("sleepers.time.awaitable", "coppice", [] { return awaitables.time; });
  f.add("sleepers.time.awaitable", "bare", [] { return bare.time; });
  f.add("sleepers.memory.task", "coppice", [all] {
    tasks = in_new_process([all] { return coppice_sleepers<coppice::task<>>(all); });
    return tasks.memory;
  });
  f.add("sleepers.memory.task", "bare", [] { return bare.memory; });
  f.add("sleepers.time.task", "coppice", [] { return tasks.time; });
  f.add("sleepers.time.task", "bare", [] { return bare.time; });
  to.push_back(std::move(f));
}

}  // namespace bench
