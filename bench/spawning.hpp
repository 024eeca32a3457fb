#pragma once

#include "harness.hpp"

#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/post.hpp>

#include <exception>

namespace bench {

/// So many batches of processes that end at once, so many in each.
inline constexpr long batches = 100;
inline constexpr long at_a_time = 1'000;

/// For an io_context: what `asio::io_context{}` asks for, and no locks at all.
inline constexpr int safe = BOOST_ASIO_CONCURRENCY_HINT_DEFAULT;
inline constexpr int unsafe = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE;

template <class Coroutine>
Coroutine once(long& ran) {
  ++ran;
  co_return;
}

/// What a process costs that `start` starts, beginning with how many have `ran`.
template <class Start>
double each_of_batches(asio::io_context& io, const long& ran, Start start) {
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) start();
    io.restart();
    io.poll();
  }
  const double time = nanoseconds(clock::now() - begin);
  expect(ran == batches * at_a_time, "not every process has run");
  return time / static_cast<double>(ran);
}

/// Spawned among so many that wait.
template <class Coroutine>
double coppice_spawn(std::size_t among = 0) {
  asio::io_context io{1};
  count_reports(io);
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < among; ++i) coppice::spawn(io, resident(io, waiting, among));
  io.run();
  long ran = 0;
  const double cost = each_of_batches(io, ran, [&] { coppice::spawn(io, once<Coroutine>(ran)); });
  expect(waiting == among, "not all of the others wait");
  expect(coppice::processes(io).size() == among, "not every process has ended");
  return cost;
}

template <class Coroutine>
double bare_spawn(int hint, std::size_t among = 0) {
  asio::io_context io{hint};
  std::size_t waiting = 0;
  for (std::size_t i = 0; i < among; ++i) {
    asio::co_spawn(io, resident(io, waiting, among), [](std::exception_ptr) {});
  }
  io.run();
  long ran = 0;
  long ended = 0;
  const double cost = each_of_batches(io, ran, [&] {
    asio::co_spawn(io, once<Coroutine>(ran), [&ended](std::exception_ptr e) {
      if (!e) ++ended;
    });
  });
  expect(waiting == among, "not all of the others wait");
  expect(ended == ran, "not every process has ended");
  return cost;
}

/// From within a process, by a function each, whose coroutine is made where it runs.
template <class Coroutine>
asio::awaitable<void> starts(long& ran) {
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) coppice::spawn([&ran] { return once<Coroutine>(ran); });
    co_await coppice::yield();
  }
}

template <class Coroutine>
double coppice_within() {
  asio::io_context io{1};
  count_reports(io);
  long ran = 0;
  coppice::spawn(io, starts<Coroutine>(ran));
  const auto begin = clock::now();
  io.run();
  const double time = nanoseconds(clock::now() - begin);
  expect(ran == batches * at_a_time, "not every process has run");
  return time / static_cast<double>(ran);
}

template <class Coroutine>
asio::awaitable<void> bare_starts(long& ran, long& ended) {
  const auto ex = co_await asio::this_coro::executor;
  for (long wanted = at_a_time; wanted <= batches * at_a_time; wanted += at_a_time) {
    for (long i = 0; i < at_a_time; ++i) {
      asio::co_spawn(
          ex, [&ran] { return once<Coroutine>(ran); },
          [&ended](std::exception_ptr e) {
            if (!e) ++ended;
          });
    }
    while (ended < wanted) co_await asio::post(asio::use_awaitable);
  }
}

template <class Coroutine>
double bare_within(int hint) {
  asio::io_context io{hint};
  long ran = 0;
  long ended = 0;
  asio::co_spawn(io, bare_starts<Coroutine>(ran, ended), [](std::exception_ptr) {});
  const auto begin = clock::now();
  io.run();
  const double time = nanoseconds(clock::now() - begin);
  expect(ended == batches * at_a_time, "not every process has ended");
  return time / static_cast<double>(ended);
}

/// As a temporary child of a dynamic supervisor.
template <class Coroutine>
double coppice_supervised() {
  asio::io_context io{1};
  count_reports(io);
  const auto supervisor = coppice::start_supervisor(io, coppice::dynamic_supervisor_spec{});
  io.poll();
  long ran = 0;
  const coppice::child_spec spec = coppice::worker("once", [&ran] {
                                     return once<Coroutine>(ran);
                                   }).with_restart(coppice::temporary);
  const double cost = each_of_batches(io, ran, [&] { supervisor.start_child(spec); });
  expect(coppice::processes(io).size() == 1, "not every process has ended");
  return cost;
}

}  // namespace bench
