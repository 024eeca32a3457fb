// What does it cost to start 100,000 children, and to stop them, per child?
//
//   many.start          from nothing until all of them wait in a timer
//   many.stop.kill      stop the supervisor; its children are killed without being asked
//   many.stop.shutdown  stop the supervisor; its children are asked, one after another
//   *.task              the same with children that are a coppice::task and wait in sleep_for
//
// Bare: co_spawn with a cancellation signal each; terminal is emitted to all, and all are waited
// for.

#include "harness.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <exception>
#include <optional>

namespace bench {

namespace {

constexpr std::size_t many = 100'000;

struct costs {
  double start = 0;
  double stop = 0;
};

struct stopwatch {
  clock::time_point begin = clock::now();
  [[nodiscard]] double each() const {
    return nanoseconds(clock::now() - begin) / static_cast<double>(many);
  }
};

template <class Body>
costs coppice_many(coppice::shutdown how, Body body) {
  asio::io_context io{1};
  count_reports(io);
  std::size_t running = 0;

  const stopwatch starting;
  std::vector<coppice::child_spec> children;
  children.reserve(many);
  for (std::size_t i = 0; i < many; ++i) {
    children.push_back(coppice::worker(std::to_string(i), [&io, &running, body] {
                         return body(io, running, many);
                       }).with_shutdown(how));
  }
  const auto supervisor =
      coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  io.run();
  const double start = starting.each();
  expect(running == many, "not all children run");
  expect(coppice::processes(io).size() == many + 1, "there are other processes");

  const stopwatch stopping;
  std::optional<boost::system::error_code> answer;
  supervisor.stop()([&answer](boost::system::error_code ec) { answer = ec; });
  io.restart();
  io.run();
  const double stop = stopping.each();
  expect(answer && !*answer, "the supervisor did not stop in order");
  expect(coppice::processes(io).empty(), "a process is left");
  return {start, stop};
}

costs bare_many() {
  std::deque<asio::cancellation_signal> signals;
  asio::io_context io;
  std::size_t running = 0;
  std::size_t ended = 0;

  const stopwatch starting;
  for (std::size_t i = 0; i < many; ++i) {
    asio::co_spawn(io, resident(io, running, many),
                   asio::bind_cancellation_slot(signals.emplace_back().slot(),
                                                [&ended](std::exception_ptr) { ++ended; }));
  }
  io.run();
  const double start = starting.each();
  expect(running == many, "not all coroutines run");

  const stopwatch stopping;
  for (auto& s : signals) s.emit(asio::cancellation_type::terminal);
  io.restart();
  io.run();
  const double stop = stopping.each();
  expect(ended == many, "a coroutine is left");
  return {start, stop};
}

// Of the latest turn: a start and its stop are two rows.
costs killed;
costs asked;
costs bare;

}  // namespace

void add_many(std::vector<family>& to) {
  family f{.name = "many", .all = {}};
  f.add("many.start", "coppice", [] {
    killed = coppice_many(coppice::brutal_kill, resident<>);
    return killed.start;
  });
  f.add("many.start", "bare", [] {
    bare = bare_many();
    return bare.start;
  });
  f.add("many.stop.kill", "coppice", [] { return killed.stop; });
  f.add("many.stop.kill", "bare", [] { return bare.stop; });
  f.add("many.stop.shutdown", "coppice",
        [] { return coppice_many(std::chrono::seconds{5}, resident<>).stop; });
  f.add("many.stop.shutdown", "bare", [] { return bare.stop; });
  f.add("many.start.task", "coppice", [] {
    asked = coppice_many(std::chrono::seconds{5}, sleeper);
    return asked.start;
  });
  f.add("many.start.task", "bare", [] { return bare.start; });
  f.add("many.stop.shutdown.task", "coppice", [] { return asked.stop; });
  f.add("many.stop.shutdown.task", "bare", [] { return bare.stop; });
  to.push_back(std::move(f));
}

}  // namespace bench
