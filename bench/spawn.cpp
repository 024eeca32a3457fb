// What does it cost to start a process that ends at once?
//
//   spawn.default     1,000 at a time, asio::awaitable<void>; bare: co_spawn on a plain io_context
//   spawn.typed       the same with awaitables of a known executor; bare: io_context for one thread
//   spawn.supervised  1,000 temporary children at a time of a dynamic supervisor; bare: as default

#include "harness.hpp"

#include <boost/asio/detail/concurrency_hint.hpp>

#include <exception>

namespace bench {

namespace {

constexpr long batches = 100;
constexpr long at_a_time = 1'000;

template <class Executor>
asio::awaitable<void, Executor> once(long& ran) {
  ++ran;
  co_return;
}

double each(clock::time_point begin, long ran, long ended) {
  const double time = nanoseconds(clock::now() - begin);
  expect(ran == batches * at_a_time, "not every process has run");
  expect(ended == ran, "not every process has ended");
  return time / static_cast<double>(ran);
}

template <class Executor>
double coppice_spawn() {
  asio::io_context io{1};
  quiet(io);
  long ran = 0;
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) coppice::spawn(io, once<Executor>(ran));
    io.restart();
    io.run();
  }
  return each(begin, ran, coppice::processes(io).empty() ? ran : -1);
}

template <class Executor>
double bare_spawn(int hint) {
  asio::io_context io{hint};
  long ran = 0;
  long ended = 0;
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) {
      asio::co_spawn(io, once<Executor>(ran), [&ended](std::exception_ptr e) {
        if (!e) ++ended;
      });
    }
    io.restart();
    io.run();
  }
  return each(begin, ran, ended);
}

double coppice_supervised() {
  asio::io_context io{1};
  quiet(io);
  long ran = 0;
  const auto supervisor = coppice::start_supervisor(io, coppice::dynamic_supervisor_spec{});
  io.poll();
  const coppice::child_spec spec =
      coppice::worker("once", [&ran] { return once<asio::any_io_executor>(ran); },
                      {.restart = coppice::temporary});
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) supervisor.start_child(spec);
    io.poll();
  }
  return each(begin, ran, coppice::processes(io).size() == 1 ? ran : -1);
}

}  // namespace

void add_spawn(std::vector<family>& to) {
  using any = asio::any_io_executor;
  using plain = asio::io_context::executor_type;
  // What asio::io_context{} asks for.
  constexpr int safe = BOOST_ASIO_CONCURRENCY_HINT_DEFAULT;
  constexpr int unsafe = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE;

  family f{.name = "spawn", .all = {}};
  f.add("spawn.default", "coppice", coppice_spawn<any>);
  f.add("spawn.default", "bare", [] { return bare_spawn<any>(safe); });
  f.add("spawn.typed", "coppice", coppice_spawn<coppice::executor>);
  f.add("spawn.typed", "bare", [] { return bare_spawn<plain>(unsafe); });
  f.add("spawn.supervised", "coppice", coppice_supervised);
  f.add("spawn.supervised", "bare", [] { return bare_spawn<any>(safe); });
  to.push_back(std::move(f));
}

}  // namespace bench
