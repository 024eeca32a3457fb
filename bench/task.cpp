// What do the same things cost with bodies that are a coppice::task?
//
//   task.spawn      start and end a process, 1,000 at a time; bare: co_spawn of an awaitable<void>
//   task.supervised ... as a temporary child of a dynamic supervisor
//   task.return     restart a child that returns; bare: co_spawn by hand, awaitables
//   task.throw      ... that throws
//   task.unwound    ... that throws; bare: one throw that one coroutine's promise catches
//   task.exit       ... that ends by exit(reason); bare: throws
//   task.yield      let others have a turn; bare: asio::post in an awaitable
//   memory.task.timer  heap of a process that waits in an Asio timer
//   memory.task.sleep  ... in coppice::sleep_for; bare: as memory.task.timer

#include "crashing.hpp"
#include "heap.hpp"

#include <coppice/task.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <coroutine>
#include <exception>

namespace bench {

namespace {

constexpr long batches = 100;
constexpr long at_a_time = 1'000;
constexpr long turns = 200'000;

coppice::task<> once(long& ran) {
  ++ran;
  co_return;
}

asio::awaitable<void> awaitable_once(long& ran) {
  ++ran;
  co_return;
}

double each(clock::time_point begin, long ran, bool all_ended) {
  const double time = nanoseconds(clock::now() - begin);
  expect(ran == batches * at_a_time, "not every process has run");
  expect(all_ended, "not every process has ended");
  return time / static_cast<double>(ran);
}

double coppice_spawn() {
  asio::io_context io{1};
  quiet(io);
  long ran = 0;
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) coppice::spawn(io, once(ran));
    io.restart();
    io.run();
  }
  return each(begin, ran, coppice::processes(io).empty());
}

double bare_spawn() {
  asio::io_context io;
  long ran = 0;
  long ended = 0;
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) {
      asio::co_spawn(io, awaitable_once(ran), [&ended](std::exception_ptr e) {
        if (!e) ++ended;
      });
    }
    io.restart();
    io.run();
  }
  return each(begin, ran, ended == ran);
}

double coppice_supervised() {
  asio::io_context io{1};
  quiet(io);
  long ran = 0;
  const auto supervisor = coppice::start_supervisor(io, coppice::dynamic_supervisor_spec{});
  io.poll();
  const coppice::child_spec spec =
      coppice::worker("once", [&ran] { return once(ran); }, {.restart = coppice::temporary});
  const auto begin = clock::now();
  for (long batch = 0; batch < batches; ++batch) {
    for (long i = 0; i < at_a_time; ++i) supervisor.start_child(spec);
    io.poll();
  }
  return each(begin, ran, coppice::processes(io).size() == 1);
}

coppice::task<> crash_task(counter& starts, ending how) {
  if (starts.enough()) co_await coppice::sleep_for(std::chrono::hours{24});
  switch (how) {
    case ending::returns: break;
    case ending::throws: throw std::runtime_error{"crash"};
    case ending::exits: co_await coppice::exit(coppice::exit_reason::error("crash"));
  }
}

double coppice_restart(ending how, long restarts) {
  asio::io_context io{1};
  quiet(io);
  counter starts{io, restarts};
  std::vector<coppice::child_spec> children;
  children.push_back(
      coppice::worker("crashing", [&starts, how] { return crash_task(starts, how); }));
  coppice::start_supervisor(io, supervisor_of(coppice::one_for_one, std::move(children)));
  io.run();
  return starts.each();
}

// A coroutine, and nothing else.
struct lone {
  struct promise_type {
    std::exception_ptr error;
    lone get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }
    static void return_void() noexcept {}
  };
  std::coroutine_handle<promise_type> frame;
};

lone throwing(bool throws) {
  if (throws) throw std::runtime_error{"crash"};
  co_return;
}

double one_throw(long times) {
  long caught = 0;
  const auto begin = clock::now();
  for (long i = 0; i < times; ++i) {
    const lone c = throwing(true);
    c.frame.resume();
    if (c.frame.promise().error) ++caught;
    c.frame.destroy();
  }
  const double time = nanoseconds(clock::now() - begin);
  expect(caught == times, "an exception is missing");
  return time / static_cast<double>(times);
}

coppice::task<> task_turns(counter& count) {
  while (!count.enough()) co_await coppice::sleep_for(clock::duration::zero());
}

asio::awaitable<void> bare_turns(counter& count) {
  while (!count.enough()) co_await asio::post(asio::use_awaitable);
}

double coppice_yield() {
  asio::io_context io{1};
  quiet(io);
  counter count{io, turns};
  coppice::spawn(io, task_turns(count));
  io.run();
  return count.each();
}

double bare_yield() {
  asio::io_context io;
  counter count{io, turns};
  asio::co_spawn(io, bare_turns(count), [](std::exception_ptr) {});
  io.run();
  return count.each();
}

coppice::task<> task_resident(asio::io_context& io, std::size_t& running, std::size_t of) {
  if (++running == of) io.stop();
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, coppice::executor> t{
      co_await asio::this_coro::executor, std::chrono::hours{24}};
  co_await t.async_wait(asio::deferred);
}

coppice::task<> task_sleeper(asio::io_context& io, std::size_t& running, std::size_t of) {
  if (++running == of) io.stop();
  co_await coppice::sleep_for(std::chrono::hours{24});
}

template <coppice::task<> (*Body)(asio::io_context&, std::size_t&, std::size_t)>
double task_bytes() {
  asio::io_context io{1};
  quiet(io);
  std::size_t running = 0;
  return bytes_each(io, running, [&] {
    for (std::size_t i = 0; i < many; ++i) coppice::spawn(io, Body(io, running, many));
  });
}

}  // namespace

void add_task(std::vector<family>& to) {
  family f{.name = "task", .all = {}};
  f.add("task.spawn", "coppice", coppice_spawn);
  f.add("task.spawn", "bare", bare_spawn);
  f.add("task.supervised", "coppice", coppice_supervised);
  f.add("task.supervised", "bare", bare_spawn);
  const auto restart = [&f](const char* row, ending how, ending bare, long restarts) {
    f.add(row, "coppice", [=] { return coppice_restart(how, restarts); });
    f.add(row, "bare", [=] { return bare_restart(bare, restarts); });
  };
  restart("task.return", ending::returns, ending::returns, 50'000);
  restart("task.throw", ending::throws, ending::throws, 10'000);
  restart("task.exit", ending::exits, ending::throws, 20'000);
  f.add("task.unwound", "coppice", [] { return coppice_restart(ending::throws, 10'000); });
  f.add("task.unwound", "bare", [] { return one_throw(10'000); });
  f.add("task.yield", "coppice", coppice_yield);
  f.add("task.yield", "bare", bare_yield);
  to.push_back(std::move(f));

  family heap{.name = "memory.task", .all = {}};
  const auto add = [&heap](const char* row, const char* side, double (*measure)()) {
    heap.add(row, side, [measure] { return in_new_process(measure); });
  };
  add("memory.task.timer", "coppice", task_bytes<task_resident>);
  add("memory.task.timer", "bare", bare_bytes<asio::any_io_executor>);
  add("memory.task.sleep", "coppice", task_bytes<task_sleeper>);
  add("memory.task.sleep", "bare", bare_bytes<asio::any_io_executor>);
  to.push_back(std::move(heap));
}

}  // namespace bench
