// What do 1,000,000 processes at once cost, each?
//
//   million.start  from nothing until all of them wait
//   million.kill   kill them all, until nothing is left
//   million.heap   bytes of heap while they wait
//
// Processes with a coppice::task for a body that wait in coppice::sleep_for. Bare: awaitables of a
// known executor on an io_context for one thread, with a timer to wait in and a cancellation signal
// each. Memory comes fresh from the system: a program pays for that once, and so do both sides.

#include "heap.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detail/concurrency_hint.hpp>

#include <deque>
#include <exception>

namespace bench {

namespace {

constexpr std::size_t million = 1'000'000;

struct costs {
  double start = 0;
  double kill = 0;
  double heap = 0;
};

template <class Start, class Kill>
costs each(asio::io_context& io, const std::size_t& running, Start start, Kill kill) {
  costs c;
  auto begin = clock::now();
  c.heap = bytes_each(io, running, start, million);
  c.start = nanoseconds(clock::now() - begin) / million;
  begin = clock::now();
  kill();
  io.restart();
  io.run();
  c.kill = nanoseconds(clock::now() - begin) / million;
  return c;
}

costs coppice_million() {
  asio::io_context io{1};
  count_reports(io);
  std::size_t running = 0;
  std::vector<coppice::pid> pids;
  pids.reserve(million);
  const costs c = each(
      io, running,
      [&] {
        for (std::size_t i = 0; i < million; ++i) {
          pids.push_back(coppice::spawn(io, sleeper(io, running, million)));
        }
      },
      [&] {
        for (const coppice::pid& p : pids) coppice::kill(p);
      });
  expect(coppice::processes(io).empty(), "a process is left");
  return c;
}

costs bare_million() {
  using plain = asio::io_context::executor_type;
  std::deque<asio::cancellation_signal> signals;
  asio::io_context io{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::size_t running = 0;
  std::size_t ended = 0;
  const costs c = each(
      io, running,
      [&] {
        for (std::size_t i = 0; i < million; ++i) {
          asio::co_spawn(io, resident<plain>(io, running, million),
                         asio::bind_cancellation_slot(signals.emplace_back().slot(),
                                                      [&ended](std::exception_ptr) { ++ended; }));
        }
      },
      [&] {
        for (auto& s : signals) s.emit(asio::cancellation_type::terminal);
      });
  expect(ended == million, "a coroutine is left");
  return c;
}

// Of the latest turn: three rows in one go.
costs ours;
costs bare;

}  // namespace

void add_million(std::vector<family>& to) {
  family f{.name = "million", .all = {}};
  f.add("million.start", "coppice", [] {
    ours = in_new_process(coppice_million);
    return ours.start;
  });
  f.add("million.start", "bare", [] {
    bare = in_new_process(bare_million);
    return bare.start;
  });
  f.add("million.kill", "coppice", [] { return ours.kill; });
  f.add("million.kill", "bare", [] { return bare.kill; });
  f.add("million.heap", "coppice", [] { return ours.heap; });
  f.add("million.heap", "bare", [] { return bare.heap; });
  to.push_back(std::move(f));
}

}  // namespace bench
