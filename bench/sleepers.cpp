// What do 1,000,000 processes cost, each, that all sleep at once, wake and end?
//
//   sleepers.memory.awaitable  bytes: by how much the operating system's peak of resident memory
//                              grows, from before the first starts until the last has ended
//   sleepers.time.awaitable    nanoseconds of processor time, of the same run
//   sleepers.memory.task, sleepers.time.task  the same with bodies that are a coppice::task
//
// They sleep in coppice::sleep_for. Bare: awaitables with a steady_timer each. Memory comes fresh
// from the system, and what the processor does for that is part of the time.

#include "heap.hpp"

#include <coppice/task.hpp>

#include <sys/resource.h>
#include <sys/time.h>

namespace bench {

namespace {

constexpr std::size_t sleepers = 1'000'000;
// Those that wake before all of them are asleep sleep again.
constexpr std::chrono::seconds nap{3};

struct census {
  std::size_t asleep = 0;
  std::size_t ended = 0;

  [[nodiscard]] bool all_at_once() const { return asleep == sleepers; }
};

template <class Coroutine>
Coroutine sleeper(census& c) {
  ++c.asleep;
  do {
    co_await coppice::sleep_for(nap);
  } while (!c.all_at_once());
  ++c.ended;
}

asio::awaitable<void> bare_sleeper(census& c) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  ++c.asleep;
  do {
    timer.expires_after(nap);
    co_await timer.async_wait(asio::use_awaitable);
  } while (!c.all_at_once());
  ++c.ended;
}

struct costs {
  double memory = 0;
  double time = 0;
};

double nanoseconds_of(const timeval& t) {
  return nanoseconds(std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec});
}

// This tells the peak up to now, and the time.
costs used() {
  rusage u{};
  expect(::getrusage(RUSAGE_SELF, &u) == 0, "the system does not tell what is used");
  return {1'024.0 * static_cast<double>(u.ru_maxrss),
          nanoseconds_of(u.ru_utime) + nanoseconds_of(u.ru_stime)};
}

template <class Start>
costs each(asio::io_context& io, const census& c, Start start) {
  const costs before = used();
  for (std::size_t i = 0; i < sleepers; ++i) start();
  io.run();
  const costs after = used();
  expect(c.ended == sleepers, "not all have slept and ended");
  constexpr double many = sleepers;
  return {(after.memory - before.memory) / many, (after.time - before.time) / many};
}

template <class Coroutine>
costs coppice_sleepers() {
  asio::io_context io{1};
  count_reports(io);
  census c;
  return each(io, c, [&] { coppice::spawn(io, sleeper<Coroutine>(c)); });
}

costs bare_sleepers() {
  asio::io_context io;
  census c;
  return each(io, c, [&] { asio::co_spawn(io, bare_sleeper(c), [](std::exception_ptr) {}); });
}

// The latest turn measures two rows in one go, and bare Asio serves both kinds.
costs awaitables;
costs tasks;
costs bare;

}  // namespace

void add_sleepers(std::vector<family>& to) {
  family f{.name = "sleepers", .all = {}};
  f.add("sleepers.memory.awaitable", "coppice", [] {
    awaitables = in_new_process(coppice_sleepers<asio::awaitable<void>>);
    return awaitables.memory;
  });
  f.add("sleepers.memory.awaitable", "bare", [] {
    bare = in_new_process(bare_sleepers);
    return bare.memory;
  });
  f.add("sleepers.time.awaitable", "coppice", [] { return awaitables.time; });
  f.add("sleepers.time.awaitable", "bare", [] { return bare.time; });
  f.add("sleepers.memory.task", "coppice", [] {
    tasks = in_new_process(coppice_sleepers<coppice::task<>>);
    return tasks.memory;
  });
  f.add("sleepers.memory.task", "bare", [] { return bare.memory; });
  f.add("sleepers.time.task", "coppice", [] { return tasks.time; });
  f.add("sleepers.time.task", "bare", [] { return bare.time; });
  to.push_back(std::move(f));
}

}  // namespace bench
