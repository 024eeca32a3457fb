#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using coppice::exit_reason;
using coppice::task;

namespace {

task<int> number(int n) { co_return n; }
task<int> later(int n) {
  co_await coppice::sleep_for(1s);
  co_return n;
}
task<> failing(std::string text) {
  co_await coppice::sleep_for(0s);
  throw std::runtime_error{text};
}
task<> on_timer() {
  asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
  co_await timer.async_wait(asio::deferred);
}
asio::awaitable<void> on_timer_as_awaitable() {
  asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
  co_await timer.async_wait(asio::use_awaitable);
}

// An operation that does with its handler what `f` says.
template <class Signature, class F>
auto operation(F f) {
  return asio::async_initiate<const asio::deferred_t&, Signature>(
      [f](auto handler) mutable { f(std::move(handler)); }, asio::deferred);
}

// An operation that completes from within its cancellation.
auto prompt() {
  return operation<void()>([](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    asio::get_associated_cancellation_slot(*shared).assign([shared](asio::cancellation_type) {
      auto ex = asio::get_associated_executor(*shared);
      asio::dispatch(ex, std::move(*shared));
    });
  });
}

// One that does so without asking the executor of its handler, as those of Beast's WebSocket do.
auto rash() {
  return operation<void()>([](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    asio::get_associated_cancellation_slot(*shared).assign([shared](asio::cancellation_type) {
      auto called = std::move(*shared);
      std::move(called)();
    });
  });
}

// Keeps the handler of an operation, to be dropped uncalled.
class keeper {
 public:
  auto wait() {
    return operation<void()>([this](auto handler) {
      kept_ = std::make_shared<decltype(handler)>(std::move(handler));
    });
  }
  void drop() { kept_.reset(); }

 private:
  std::shared_ptr<void> kept_;
};

// Neither to be copied nor to be made without an argument.
class single {
 public:
  explicit single(int n) : number_{std::make_unique<int>(n)} {}
  [[nodiscard]] int number() const { return *number_; }

 private:
  std::unique_ptr<int> number_;
};

// Cannot be moved more than so many times.
class fragile {
 public:
  fragile() = default;
  explicit fragile(int moves) : left_{moves} {}
  fragile(fragile&& other) : left_{other.left_ - 1} {
    if (left_ == 0) throw std::runtime_error{"broken"};
  }
  fragile& operator=(fragile&& other) noexcept {
    left_ = other.left_;
    return *this;
  }

 private:
  int left_ = -1;
};

// Says as which process it is destroyed.
struct witness {
  explicit witness(std::string& l) : log{l} {}
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  ~witness() { log += coppice::self().to_string() + ' '; }

  std::string& log;
};

}  // namespace

TEST_CASE("a task awaits tasks, whether they wait or not") {
  world w;
  int sum = 0;
  coppice::spawn(w.io, [&]() -> task<> {
    sum += co_await number(1);
    sum += co_await later(10);
    sum += co_await number(100);
    sum += co_await later(1000);
  });
  w.clock.settle();
  CHECK(sum == 1);
  w.clock.advance(1s);
  CHECK(sum == 111);
  w.clock.advance(1s);
  CHECK(sum == 1111);
}

TEST_CASE("a hundred thousand tasks in a row need no stack") {
  world w;
  int sum = 0;
  coppice::spawn(w.io, [&]() -> task<> {
    for (int i = 0; i < 100'000; ++i) sum += co_await number(1);
  });
  w.clock.settle();
  CHECK(sum == 100'000);
}

TEST_CASE("an exception passes from task to task, and ends the process if nobody takes it") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    try {
      co_await failing("first");
    } catch (const std::runtime_error& e) {
      log = e.what();
    }
    co_await failing("second");
  });
  const ending end{p};
  w.clock.settle();
  CHECK(log == "first");
  CHECK(end.text() == "std::runtime_error: second");
}

TEST_CASE("a task awaits an awaitable") {
  world w;
  std::string log;
  const auto inner = [](int n) -> asio::awaitable<int> {
    co_await coppice::sleep_for(1s);
    if (n == 0) throw std::runtime_error{"zero"};
    co_return n;
  };
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    auto first = inner(7);
    log += std::to_string(co_await std::move(first)) + ' ';
    auto second = inner(0);
    try {
      co_await std::move(second);
    } catch (const std::runtime_error& e) {
      log += e.what();
    }
    auto third = inner(1);
    co_await std::move(third);
  });
  const ending end{p};
  w.clock.advance(1s);
  w.clock.advance(1s);
  CHECK(log == "7 zero");
  SUBCASE("and is stopped in it") {
    coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
    CHECK(end.text() == "shutdown");
  }
  SUBCASE("and is killed in it") {
    coppice::kill(p);
    w.clock.settle();
    CHECK(end.text() == "killed");
  }
}

TEST_CASE("a task that is called already can be spawned, and one that never runs is destroyed") {
  world w;
  std::string log;
  const auto body = [](std::string& l, traced t) -> task<> {
    [[maybe_unused]] const traced kept{std::move(t)};
    l += "ran ";
    co_return;
  };
  coppice::spawn(w.io, body(log, traced{log, "first"}));
  w.clock.settle();
  CHECK(log == "ran first ");
  const auto p = coppice::spawn(w.io, body(log, traced{log, "second"}));
  coppice::kill(p);
  w.clock.settle();
  CHECK(log == "ran first second ");
}

TEST_CASE("what would have cancelled a killed task is forgotten when another gets its block") {
  for (const bool as_awaitable : {false, true}) {
    CAPTURE(as_awaitable);
    world w;
    const auto first = as_awaitable ? coppice::spawn(w.io, on_timer_as_awaitable)
                                    : coppice::spawn(w.io, on_timer);
    w.clock.settle();
    coppice::kill(first);
    w.clock.settle();
    CHECK_FALSE(first.alive());
    const auto second =
        coppice::spawn(w.io, []() -> task<> { co_await coppice::sleep_for(1h); });
    const ending end{second};
    w.clock.settle();
    coppice::exit(second, exit_reason::shutdown());
    w.clock.settle();
    CHECK(end.text() == "shutdown");
  }
}

TEST_CASE("a task whose operation drops its handler at once is destroyed, nested or not") {
  world w;
  std::string log;
  const auto inner = [](std::string& l) -> task<> {
    const traced t{l, "inner"};
    co_await operation<void()>([](auto) {});
    l += "went on ";
  };
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    const traced t{log, "outer"};
    co_await inner(log);
  });
  const ending end{p};
  w.clock.settle();
  CHECK(log == "inner outer ");
  CHECK(end.text() == "killed");
}

TEST_CASE("a task whose handler another process drops is destroyed as itself, after that") {
  world w;
  std::string log;
  keeper k;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    const witness own{log};
    co_await k.wait();
  });
  const ending end{p};
  w.clock.settle();
  coppice::spawn(w.io, [&]() -> task<> {
    k.drop();
    log += "dropped ";
    co_return;
  });
  w.clock.settle();
  CHECK(log == "dropped " + p.to_string() + ' ');
  CHECK(end.text() == "killed");
}

TEST_CASE("a task whose handler another thread drops is destroyed on the loop's thread") {
  world w;
  std::string log;
  keeper k;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    const traced t{log, "frame"};
    co_await k.wait();
  });
  const ending end{p};
  w.clock.settle();
  std::thread{[&] { k.drop(); }}.join();
  CHECK(log.empty());
  w.clock.settle();
  CHECK(log == "frame ");
  CHECK(end.text() == "killed");
}

TEST_CASE("an operation may complete or throw while it is begun") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    auto prompt_answer = operation<void(int)>([](auto handler) { std::move(handler)(7); });
    log += std::to_string(co_await std::move(prompt_answer)) + ' ';
    try {
      auto refusal = operation<void()>([](auto) { throw std::runtime_error{"refused"}; });
      co_await std::move(refusal);
    } catch (const std::runtime_error& e) {
      log += e.what();
    }
    co_await coppice::sleep_for(1h);
  });
  w.clock.settle();
  CHECK(log == "7 refused");
  CHECK(p.alive());
}

TEST_CASE("what would have cancelled an operation that could not be begun is forgotten") {
  world w;
  int cancelled = 0;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    try {
      auto refusal = operation<void()>([&](auto handler) {
        asio::get_associated_cancellation_slot(handler).assign(
            [&](asio::cancellation_type) { ++cancelled; });
        throw std::runtime_error{"refused"};
      });
      co_await std::move(refusal);
    } catch (const std::runtime_error&) {
    }
    co_await coppice::sleep_for(1h);
  });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown());
  w.clock.settle();
  CHECK(cancelled == 0);
  CHECK(end.text() == "shutdown");
}

TEST_CASE("a stop that completes an operation at once leaves the wait that follows alone") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    co_await prompt();
    log += "heard ";
    co_await coppice::sleep_for(1s);
    log += "cleaned up";
  });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown());
  w.clock.settle();
  CHECK(log == "heard ");
  w.clock.advance(1s);
  CHECK(log == "heard cleaned up");
  CHECK(end.text() == "normal");
}

TEST_CASE("a killed task whose operation completes from within its cancellation counts as killed") {
  for (const bool throws : {false, true}) {
    CAPTURE(throws);
    world w;
    const auto p = coppice::spawn(w.io, [throws]() -> task<> {
      co_await prompt();
      if (throws) throw std::runtime_error{"too late"};
    });
    const ending end{p};
    w.clock.settle();
    coppice::kill(p);
    w.clock.settle();
    CHECK(end.text() == "killed");
    CHECK(w.reports.empty());
  }
}

TEST_CASE("a killed task never goes on, also if an operation calls its handler amid the kill") {
  world w;
  std::string log;
  const auto inner = [](std::string& to) -> task<> {
    const witness here{to};
    co_await rash();
    to += "went on ";
  };
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    const witness here{log};
    auto awaited = inner(log);
    co_await std::move(awaited);
    log += "went on ";
  });
  const ending end{p};
  w.clock.settle();
  coppice::kill(p);
  w.clock.settle();
  CHECK(end.text() == "killed");
  CHECK(log == p.to_string() + ' ' + p.to_string() + ' ');
  CHECK(w.reports.empty());
}

TEST_CASE("an awaitable that a task awaits may clean up with further awaits after a stop") {
  world w;
  std::string log;
  const auto inner = [](std::string& l) -> asio::awaitable<void> {
    try {
      co_await coppice::sleep_for(1h);
    } catch (const boost::system::system_error&) {
      l += "stopped ";
    }
    co_await coppice::sleep_for(1s);
    l += "cleaned up ";
  };
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    auto a = inner(log);
    co_await std::move(a);
    log += "went on";
  });
  const ending end{p};
  w.clock.settle();
  coppice::exit(p, exit_reason::shutdown());
  w.clock.advance(1s);
  CHECK(log == "stopped cleaned up went on");
  CHECK(end.text() == "normal");
}

TEST_CASE("results are moved only, need no default, and may be given in braces") {
  world w;
  int sum = 0;
  const auto of_task = [](int n) -> task<single> { co_return single{n}; };
  const auto in_braces = [](int n) -> task<std::pair<int, std::string>> { co_return {n, "ten"}; };
  const auto of_awaitable = [](int n) -> asio::awaitable<single> {
    co_await coppice::sleep_for(0s);
    co_return single{n};
  };
  coppice::spawn(w.io, [&]() -> task<> {
    sum += (co_await of_task(1)).number();
    sum += (co_await in_braces(10)).first;
    auto a = of_awaitable(100);
    sum += (co_await std::move(a)).number();
    auto op = operation<void(boost::system::error_code, int, single)>([](auto handler) {
      std::move(handler)(boost::system::error_code{}, 0, single{1000});
    });
    const auto [number, last] = co_await std::move(op);
    sum += number + last.number();
  });
  w.clock.settle();
  CHECK(sum == 1111);
}

TEST_CASE("a result that cannot be handed over ends the task, frames and all") {
  const auto from_asio = [](std::string& log, int moves) -> task<> {
    const traced t{log, "frame"};
    auto op = operation<void(fragile)>([moves](auto handler) {
      auto ex = asio::get_associated_executor(handler);
      asio::post(ex, [h = std::move(handler), moves]() mutable { std::move(h)(fragile{moves}); });
    });
    [[maybe_unused]] const fragile f = co_await std::move(op);
    throw std::runtime_error{"broken"};
  };
  const auto from_a_mailbox = [](std::string& log, int moves) -> task<> {
    const traced t{log, "frame"};
    coppice::mailbox<fragile> box;
    box.get_address().send(fragile{moves});
    [[maybe_unused]] const fragile f = co_await box.receive();
    throw std::runtime_error{"broken"};
  };
  for (int moves = 2; moves < 10; ++moves) {
    for (const bool own : {false, true}) {
      CAPTURE(moves);
      CAPTURE(own);
      world w;
      std::string log;
      const auto p = coppice::spawn(w.io, own ? from_a_mailbox(log, moves) : from_asio(log, moves));
      const ending end{p};
      w.clock.settle();
      CHECK(log == "frame ");
      CHECK(end.text() == "std::runtime_error: broken");
    }
  }
}

TEST_CASE("how a task has ended is not changed by the destruction of its arguments") {
  struct last_will {
    explicit last_will(bool k) : kill{k} {}
    last_will(last_will&& other) noexcept
        : kill{other.kill}, due{std::exchange(other.due, false)} {}
    last_will& operator=(last_will&&) = delete;
    ~last_will() {
      if (!due) return;
      coppice::exit(coppice::self(), kill ? exit_reason::kill() : exit_reason::shutdown());
    }
    bool kill;
    bool due = true;
  };
  for (const bool kill : {false, true}) {
    CAPTURE(kill);
    world w;
    const auto body = [](last_will) -> task<> { co_return; };
    const auto p = coppice::spawn(w.io, body(last_will{kill}));
    const ending end{p};
    w.clock.settle();
    CHECK(end.text() == "normal");
  }
}

TEST_CASE("a task ends its process from within nested tasks") {
  world w;
  std::string log;
  const auto leaf = [](std::string& l) -> task<int> {
    const traced t{l, "leaf"};
    co_await coppice::exit(exit_reason::shutdown("enough"));
    co_return 1;
  };
  const auto never = [](traced) -> task<> { co_return; };
  for (const bool waits : {false, true}) {
    CAPTURE(waits);
    log.clear();
    const auto p = coppice::spawn(w.io, [&]() -> task<> {
      const traced t{log, "outer"};
      const auto unused = never(traced{log, "unused"});
      if (waits) co_await coppice::sleep_for(0s);
      try {
        co_await leaf(log);
      } catch (...) {
        log += "caught ";
      }
      log += "went on ";
    });
    const ending end{p};
    w.clock.settle();
    CHECK(log == "leaf unused outer ");
    CHECK(end.text() == "shutdown: enough");
  }
}

TEST_CASE("a task waits for the first of several operations") {
  world w;
  std::string log;
  const auto p = coppice::spawn(w.io, [&]() -> task<> {
    const traced t{log, "frame"};
    asio::steady_timer timer{co_await asio::this_coro::executor, 1h};
    auto group = asio::experimental::make_parallel_group(timer.async_wait(asio::deferred),
                                                         coppice::sleep_for(1s));
    const auto [order, late, early] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::deferred);
    log += order[0] == 1 && late && !early ? "slept " : "stopped ";
    co_await coppice::sleep_for(1s);
    log += "done ";
  });
  const ending end{p};
  w.clock.settle();
  SUBCASE("to the end") {
    w.clock.advance(1s);
    w.clock.advance(1s);
    CHECK(log == "slept done frame ");
    CHECK(end.text() == "normal");
  }
  SUBCASE("until it is asked to stop") {
    coppice::exit(p, exit_reason::shutdown());
    w.clock.advance(1s);
    CHECK(log == "stopped done frame ");
    CHECK(end.text() == "normal");
  }
  SUBCASE("until it is killed") {
    coppice::kill(p);
    w.clock.settle();
    CHECK(log == "frame ");
    CHECK(end.text() == "killed");
  }
}

TEST_CASE("frames go before what their callable captured when the io_context goes") {
  struct farewell {
    std::string& log;
    const std::string& text;
    ~farewell() { log += text; }
  };
  std::string log;
  {
    world w;
    coppice::spawn(w.io, [&, text = std::string{"a text too long to lie in itself, "}]() -> task<> {
      const farewell f{log, text};
      co_await prompt();
    });
    coppice::spawn(w.io, [&, text = std::string{"a text too long to lie in itself, "}]()
                             -> asio::awaitable<void> {
      const farewell f{log, text};
      co_await prompt()(asio::use_awaitable);
    });
    w.clock.settle();
  }
  CHECK(log == "a text too long to lie in itself, a text too long to lie in itself, ");
}
