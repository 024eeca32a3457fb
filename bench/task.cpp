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
#include "spawning.hpp"
#include "turns.hpp"

#include <coppice/task.hpp>

#include <boost/asio/deferred.hpp>

#include <coroutine>
#include <exception>

namespace bench {

namespace {

// A coroutine, and nothing else.
struct lone {
  struct promise_type {
    std::exception_ptr error;
    lone get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
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

coppice::task<> task_resident(asio::io_context& io, std::size_t& running, std::size_t of) {
  if (++running == of) io.stop();
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, coppice::executor> t{
      co_await asio::this_coro::executor, std::chrono::hours{24}};
  co_await t.async_wait(asio::deferred);
}

}  // namespace

void add_task(std::vector<family>& to) {
  using any = asio::awaitable<void>;
  using task = coppice::task<>;

  family f{.name = "task", .all = {}};
  f.add("task.spawn", "coppice", [] { return coppice_spawn<task>(); });
  f.add("task.spawn", "bare", [] { return bare_spawn<any>(safe); });
  f.add("task.supervised", "coppice", coppice_supervised<task>);
  f.add("task.supervised", "bare", [] { return bare_spawn<any>(safe); });
  const auto restart = [&f](const char* row, ending how, ending bare, long restarts) {
    f.add(row, "coppice", [=] { return coppice_restart<crash_task>(how, restarts); });
    f.add(row, "bare", [=] { return bare_restart(bare, restarts); });
  };
  restart("task.return", ending::returns, ending::returns, 50'000);
  restart("task.throw", ending::throws, ending::throws, 10'000);
  restart("task.exit", ending::exits, ending::throws, 20'000);
  f.add("task.unwound", "coppice",
        [] { return coppice_restart<crash_task>(ending::throws, 10'000); });
  f.add("task.unwound", "bare", [] { return one_throw(10'000); });
  f.add("task.yield", "coppice", coppice_yield<task>);
  f.add("task.yield", "bare", bare_yield);
  to.push_back(std::move(f));

  family heap{.name = "memory.task", .all = {}};
  const auto add = [&heap](const char* row, const char* side, double (*measure)()) {
    heap.add(row, side, [measure] { return in_new_process(measure); });
  };
  add("memory.task.timer", "coppice", coppice_bytes<task_resident>);
  add("memory.task.timer", "bare", bare_bytes<resident<asio::any_io_executor>>);
  add("memory.task.sleep", "coppice", coppice_bytes<sleeper>);
  add("memory.task.sleep", "bare", bare_bytes<resident<asio::any_io_executor>>);
  to.push_back(std::move(heap));
}

}  // namespace bench
