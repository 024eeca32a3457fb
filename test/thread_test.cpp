// Real threads beside the loop's thread. To be run under ThreadSanitizer too.

#include <coppice.hpp>

#include <doctest/doctest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using coppice::errc;
using coppice::server_ref;

namespace {

class ledger {
 public:
  struct enter {
    int clerk;
    int number;
  };
  struct total {
    using reply = int;
  };
  struct slow {
    using reply = std::string;
    std::string text;
  };
  struct lost {
    using reply = int;
  };
  struct crash {
    using reply = int;
  };

  explicit ledger(asio::thread_pool* pool) : pool_{pool}, last_(16, 0) {}

  void handle(enter m) {
    int& last = last_.at(static_cast<std::size_t>(m.clerk));
    if (m.number != last + 1) out_of_order_ = true;
    last = m.number;
    ++total_;
  }
  int handle(total) { return out_of_order_ ? -1 : total_; }
  // Answered on another thread.
  void handle(const slow& m, coppice::reply_to<std::string> answer) {
    asio::post(*pool_, [text = m.text, a = std::move(answer)]() mutable { std::move(a)(text); });
  }
  void handle(lost, coppice::reply_to<int> answer) {
    asio::post(*pool_,
               [a = std::move(answer)]() mutable { const auto thrown_away = std::move(a); });
  }
  int handle(crash) { throw std::runtime_error{"crash"}; }

 private:
  asio::thread_pool* pool_;
  std::vector<int> last_;
  int total_ = 0;
  bool out_of_order_ = false;
};

// A tree that runs on a thread of its own.
class office {
 public:
  office() {
    coppice::set_report_sink(io, {});
    tree_ = coppice::start_supervisor(io, {.strategy = coppice::strategy::one_for_one,
                                           .intensity = 1'000'000,
                                           .period = 5s,
                                           .children = {coppice::server<ledger>("ledger", &pool)}});
    thread_ = std::thread{[this] { io.run(); }};
  }
  office(const office&) = delete;
  office& operator=(const office&) = delete;
  ~office() { close(); }

  // Returns when nothing runs any more: for tests whose own objects belong to the loop's thread.
  void close() {
    if (!thread_.joinable()) return;
    asio::post(io, [this] { tree_.stop()([](auto) {}); });
    thread_.join();
    pool.join();
  }

  [[nodiscard]] server_ref<ledger> ref() { return {io, "ledger"}; }

  asio::io_context io{1};
  asio::thread_pool pool{2};

 private:
  coppice::supervisor_ref tree_;
  std::thread thread_;
};

template <class F>
void on_threads(int n, F f) {
  std::vector<std::thread> all;
  for (int i = 0; i < n; ++i) all.emplace_back([&f, i] { f(i); });
  for (auto& t : all) t.join();
}

}  // namespace

// GS-09
TEST_CASE("threads cast, and the messages of each arrive in order") {
  office o;
  const auto ref = o.ref();
  on_threads(4, [&ref](int clerk) {
    for (int n = 1; n <= 2'000; ++n) ref.cast(ledger::enter{clerk, n});
  });
  CHECK(ref.call(ledger::total{}, 60s)(asio::use_future).get() == 8'000);
}

TEST_CASE("threads call and wait for a future, with answers from other threads") {
  office o;
  const auto ref = o.ref();
  std::atomic<int> right = 0;
  on_threads(4, [&](int clerk) {
    for (int n = 0; n < 200; ++n) {
      const std::string text = std::to_string(clerk * 1000 + n);
      auto answer = ref.call(ledger::slow{text}, 60s)(asio::use_future);
      if (answer.get() == text) ++right;
    }
  });
  CHECK(right == 800);
}

TEST_CASE("threads call with a callback, which runs through its own executor") {
  asio::io_context mine{1};
  office o;
  const auto ref = o.ref();
  int answers = 0;
  const auto here = std::this_thread::get_id();
  bool elsewhere = false;
  for (int n = 0; n < 100; ++n) {
    ref.call(ledger::slow{"text"}, 60s)(asio::bind_executor(
        mine.get_executor(), [&](const boost::system::error_code& ec, const std::string& text) {
          elsewhere = elsewhere || std::this_thread::get_id() != here;
          if (!ec && text == "text") ++answers;
        }));
  }
  mine.run();
  CHECK(answers == 100);
  CHECK_FALSE(elsewhere);
}

TEST_CASE("a chance to answer that is thrown away on another thread fails the call") {
  office o;
  const auto ref = o.ref();
  std::atomic<int> failed = 0;
  on_threads(2, [&](int) {
    for (int n = 0; n < 200; ++n) {
      auto answer = ref.call(ledger::lost{}, 60s)(asio::use_future);
      try {
        answer.get();
      } catch (const boost::system::system_error& e) {
        if (e.code() == errc::no_reply) ++failed;
      }
    }
  });
  CHECK(failed == 400);
}

TEST_CASE("a server that crashes under the calls of many threads leaves none of them waiting") {
  office o;
  const auto ref = o.ref();
  std::atomic<int> told = 0;
  std::atomic<int> answered = 0;
  on_threads(4, [&](int clerk) {
    for (int n = 0; n < 100; ++n) {
      try {
        if (clerk == 0) {
          ref.call(ledger::crash{}, 60s)(asio::use_future).get();
        } else {
          ref.call(ledger::slow{"x"}, 60s)(asio::use_future).get();
        }
        ++answered;
      } catch (const boost::system::system_error&) {
        ++told;
      }
    }
  });
  CHECK(told + answered == 400);
  CHECK(told >= 100);
}

TEST_CASE("references are copied, and pids compared, on any thread") {
  office o;
  const auto ref = o.ref();
  std::promise<coppice::pid> found;
  asio::post(o.io, [&] { found.set_value(ref.whereis()); });
  const coppice::pid server = found.get_future().get();
  const server_ref<ledger> by_pid{server};
  std::atomic<int> same = 0;
  on_threads(4, [&](int) {
    for (int n = 0; n < 1'000; ++n) {
      const auto copy = by_pid;  // NOLINT: the copy is the point
      const coppice::pid p = server;
      if (p == server && p.alive()) ++same;
      copy.cast(ledger::enter{0, -1});
    }
  });
  CHECK(same == 4'000);
}

// The numbers of processes that come and go are read by the executors' copies on other threads.
TEST_CASE("processes come and go while other threads post to their executors") {
  office o;
  std::atomic<int> ran = 0;
  std::promise<void> done;
  asio::post(o.io, [&] {
    coppice::spawn(o.io, [&]() -> asio::awaitable<void> {
      for (int n = 0; n < 200; ++n) {
        const auto child = coppice::spawn([&]() -> asio::awaitable<void> {
          const auto ex = co_await asio::this_coro::executor;
          for (int i = 0; i < 4; ++i) {
            asio::post(o.pool, [ex, &ran] { asio::post(ex, [&ran] { ++ran; }); });
          }
          co_await coppice::sleep_for(0s);
        });
        auto ended = coppice::await_exit(child);
        co_await std::move(ended);
      }
      done.set_value();
    });
  });
  done.get_future().get();
  o.pool.join();
  CHECK(ran <= 800);
}

TEST_CASE("a call made on the loop's thread completes where its handler belongs") {
  office w;
  constexpr int calls = 500;
  std::atomic<int> answered{0};
  std::atomic<int> elsewhere{0};
  std::promise<std::thread::id> loop;
  auto on_loop = loop.get_future();
  asio::post(w.io, [&] {
    const auto self = std::this_thread::get_id();
    for (int i = 0; i < calls; ++i) {
      w.ref().call(ledger::slow{"text that is too long to be kept in place"})(
          asio::bind_executor(w.pool.get_executor(),
                              [&, self](const boost::system::error_code& ec, const std::string& s) {
                                if (std::this_thread::get_id() != self) ++elsewhere;
                                if (!ec && s.starts_with("text")) ++answered;
                              }));
      w.ref().call(ledger::total{})(
          asio::bind_executor(w.pool.get_executor(), [&](const boost::system::error_code& ec, int) {
            if (!ec) ++answered;
          }));
    }
    loop.set_value(self);
  });
  on_loop.wait();
  while (answered < 2 * calls) std::this_thread::yield();
  CHECK(elsewhere == calls);
}

TEST_CASE("a task calls a server of another thread's loop, and goes on in its own") {
  office w;
  constexpr int calls = 500;
  asio::io_context io{1};
  coppice::set_report_sink(io, {});
  int answered = 0;
  const auto p = coppice::spawn(io, [&]() -> coppice::task<> {
    const auto here = std::this_thread::get_id();
    const auto self = coppice::self();
    for (int i = 0; i < calls; ++i) {
      auto asking = w.ref().call(ledger::slow{"text that is too long to be kept in place"});
      const std::string text = co_await asking.result();
      if (!text.starts_with("text")) co_return;
      co_await w.ref().call(ledger::total{}, 1h);
      if (std::this_thread::get_id() == here && coppice::self() == self) ++answered;
    }
  });
  io.run();
  CHECK_FALSE(p.alive());
  CHECK(answered == calls);
}

namespace {

// Asks after all that wait whenever somebody comes, and answers when they are eight.
class waiting_room {
 public:
  struct enter {
    using reply = int;
  };

  explicit waiting_room(std::atomic<int>* wrong) : wrong_{wrong} {}

  void handle(enter, coppice::reply_to<int> to) {
    waiting_.push_back(std::move(to));
    for (const auto& w : waiting_) {
      if (!w.is_awaited() && w.deadline()) ++*wrong_;
    }
    if (waiting_.size() < 8) return;
    for (auto& w : waiting_) std::move(w)(1);
    waiting_.clear();
  }

 private:
  std::atomic<int>* wrong_;
  std::vector<coppice::reply_to<int>> waiting_;
};

}  // namespace

TEST_CASE("a server asks after callers on other threads while these give up") {
  constexpr int calls = 300;
  std::atomic<int> wrong{0};
  std::atomic<int> ended{0};
  asio::io_context io{1};
  coppice::set_report_sink(io, {});
  const auto ref = coppice::start_server<waiting_room>(io, "", &wrong);
  std::thread loop{[&io] { io.run(); }};
  on_threads(3, [&](int) {
    asio::io_context mine{1};
    coppice::spawn(mine, [&]() -> coppice::task<> {
      for (int i = 0; i < calls; ++i) {
        auto asking = ref.call(waiting_room::enter{}, std::chrono::microseconds{(i * 7) % 200});
        const auto [error, answer] = co_await std::move(asking)(asio::as_tuple(asio::deferred));
        if (error == errc::timeout || answer == 1) ++ended;
      }
    });
    for (int i = 0; i < calls; ++i) {
      ref.call(waiting_room::enter{}, std::chrono::microseconds{(i * 7) % 200})(
          asio::bind_executor(mine.get_executor(),
                              [&](const boost::system::error_code& error, int answer) {
                                if (error == errc::timeout || answer == 1) ++ended;
                              }));
    }
    mine.run();
  });
  asio::post(io, [&ref] { coppice::kill(ref.whereis()); });
  loop.join();
  CHECK(ended == 2 * 3 * calls);
  CHECK(wrong == 0);
}

namespace {

// An operation whose handler a pool destroys uncalled, sooner or later.
auto dropped_by(asio::thread_pool& pool, int delay) {
  return asio::async_initiate<const asio::deferred_t&, void()>(
      [&pool, delay](auto handler) {
        asio::post(pool, [delay, kept = std::move(handler)] {
          for (std::atomic<int> i{0}; i < delay; ++i) {
          }
        });
      },
      asio::deferred);
}

coppice::task<> waits_in_vain(asio::thread_pool& pool, int delay) {
  auto op = dropped_by(pool, delay);
  co_await std::move(op);
}

}  // namespace

TEST_CASE("the handler of what a task awaits is dropped on another thread, and the process ends") {
  constexpr int processes = 2000;
  asio::thread_pool pool{2};
  asio::io_context io{1};
  coppice::set_report_sink(io, {});
  int ended = 0;
  for (int i = 0; i < processes; ++i) {
    const auto p = coppice::spawn(io, [&pool, i] { return waits_in_vain(pool, i % 500); });
    coppice::await_exit(p)(
        [&ended](const boost::system::error_code&, const coppice::exit_reason& why) {
          if (why.kind() == coppice::exit_reason::kind_type::killed) ++ended;
        });
  }
  io.run();
  pool.join();
  CHECK(ended == processes);
}

namespace {

// What a function of the interface says to a thread that must not call it.
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("threads send messages, and signals, to processes of a loop that another one runs") {
  office o;
  std::promise<coppice::address<int>> address;
  std::promise<int> heard;
  std::promise<coppice::pid> sleeper;
  std::promise<std::string> why;
  constexpr int each = 1'000;
  asio::post(o.io, [&] {
    coppice::spawn(o.io, [&]() -> asio::awaitable<void> {
      coppice::mailbox<int> box;
      address.set_value(box.get_address());
      int sum = 0;
      for (int i = 0; i < 4 * each; ++i) sum += co_await box.receive();
      heard.set_value(sum);
    });
    const auto p = coppice::spawn(o.io, []() -> asio::awaitable<void> {
      co_await coppice::sleep_for(std::chrono::hours{1});
    });
    coppice::await_exit(p)([&why](boost::system::error_code, const coppice::exit_reason& r) {
      why.set_value(r.to_string());
    });
    sleeper.set_value(p);
  });
  const auto to = address.get_future().get();
  on_threads(4, [&to](int) {
    for (int i = 0; i < each; ++i) to.send(1);
  });
  CHECK(heard.get_future().get() == 4 * each);
  coppice::exit(sleeper.get_future().get(), coppice::exit_reason::shutdown());
  CHECK(why.get_future().get() == "shutdown");
}

TEST_CASE("what another thread must not call says so, and does nothing") {
  office o;
  std::promise<coppice::pid> known;
  asio::post(o.io, [&] {
    known.set_value(coppice::spawn(o.io, []() -> asio::awaitable<void> {
      co_await coppice::sleep_for(std::chrono::hours{1});
    }));
  });
  const coppice::pid p = known.get_future().get();
  const std::string rule = ": another thread runs the io_context; asio::post the call to it";
  const auto body = []() -> asio::awaitable<void> { co_return; };
  CHECK(refusal([&] { coppice::spawn(o.io, body); }) == "coppice: spawn" + rule);
  CHECK(refusal([&] { coppice::start_supervisor(o.io, {.strategy = coppice::one_for_one}); }) ==
        "coppice: start_supervisor" + rule);
  CHECK(refusal([&] { coppice::start_server<ledger>(o.io, "second", &o.pool); }) ==
        "coppice: start_server" + rule);
  CHECK(refusal([&] { coppice::set_report_sink(o.io, {}); }) == "coppice: set_report_sink" + rule);
  CHECK(refusal([&] { static_cast<void>(coppice::whereis(o.io, "ledger")); }) ==
        "coppice: whereis" + rule);
  CHECK(refusal([&] { static_cast<void>(coppice::processes(o.io)); }) ==
        "coppice: processes" + rule);
  CHECK(refusal([&] { static_cast<void>(coppice::info(p)); }) == "coppice: info" + rule);
  CHECK(refusal([&] { static_cast<void>(coppice::await_exit(p)); }) ==
        "coppice: await_exit" + rule);
  CHECK(refusal([&] { static_cast<void>(o.ref().stop()); }) == "coppice: stop" + rule);
  CHECK(refusal([&] { static_cast<void>(o.ref().send_request(ledger::total{})); }) ==
        "coppice: send_request" + rule);
  coppice::kill(p);
}

TEST_CASE("a registry says so to another thread, whatever that calls, and stays as it is") {
  office o;
  coppice::unique_registry<std::string, int> names{o.io};
  coppice::duplicate_registry<std::string, int> topics{o.io};
  std::promise<coppice::pid> known;
  asio::post(o.io, [&] {
    coppice::spawn(o.io, [&]() -> asio::awaitable<void> {
      static_cast<void>(names.register_self("ann", 1));
      topics.register_self("news", 2);
      known.set_value(coppice::self());
      co_await coppice::sleep_for(std::chrono::hours{1});
    });
  });
  const coppice::pid p = known.get_future().get();
  const auto refused = [](const char* function, const std::function<void()>& call) {
    const std::string rule = ": another thread runs the io_context; asio::post the call to it";
    CHECK(refusal(call) == std::string{"coppice: "} + function + rule);
  };
  refused("register_self", [&] { static_cast<void>(names.register_self("bob")); });
  refused("register_self", [&] { topics.register_self("news"); });
  refused("unregister", [&] { names.unregister("ann"); });
  refused("update_value", [&] {
    static_cast<void>(names.update_value("ann", [](int) { return 2; }));
  });
  refused("lookup", [&] { static_cast<void>(names.lookup("ann")); });
  refused("lookup", [&] { static_cast<void>(topics.lookup("news")); });
  refused("whereis", [&] { static_cast<void>(names.whereis("ann")); });
  refused("keys", [&] { static_cast<void>(names.keys(p)); });
  refused("values", [&] { static_cast<void>(topics.values("news", p)); });
  refused("dispatch", [&] { topics.dispatch("news", [](const auto&) {}); });
  refused("count", [&] { static_cast<void>(topics.count()); });
  refused("listen", [&] { topics.listen([](const auto&) {}); });
  refused("whereis", [&] { static_cast<void>(names.via("ann").whereis()); });
  std::promise<bool> same;
  asio::post(o.io, [&] { same.set_value(names.whereis("ann") == p && topics.count() == 1); });
  CHECK(same.get_future().get());
  coppice::kill(p);
  o.close();  // the handles go on this thread
}

TEST_CASE("threads post what they may not call, and no process is lost") {
  office o;
  std::atomic<int> ran = 0;
  on_threads(4, [&](int) {
    for (int i = 0; i < 500; ++i) {
      asio::post(o.io, [&] {
        coppice::spawn(o.io, [&]() -> asio::awaitable<void> {
          co_await coppice::yield();
          ++ran;
        });
      });
    }
  });
  while (ran < 2'000) std::this_thread::yield();
  CHECK(ran == 2'000);
}

TEST_CASE("a thread may use an io_context that another one ran, once that has ended or left it") {
  asio::io_context io{1};
  coppice::set_report_sink(io, {});
  int ran = 0;
  const auto body = [&ran]() -> asio::awaitable<void> {
    ++ran;
    co_return;
  };
  coppice::spawn(io, body);
  std::thread{[&io] { io.run_for(1h); }}.join();
  io.restart();
  CHECK_NOTHROW(coppice::spawn(io, body));
  io.run();
  CHECK(ran == 2);
}

TEST_CASE("a second thread that runs the same io_context is told, and nothing is lost") {
  asio::io_context io{2};
  coppice::set_report_sink(io, {});
  std::atomic<bool> first_is_in_a_turn = false;
  std::atomic<bool> second_is_told = false;
  bool completed = false;
  coppice::spawn(io, [&completed]() -> asio::awaitable<void> {
    asio::steady_timer t{co_await asio::this_coro::executor, 1us};
    co_await t.async_wait(asio::use_awaitable);
    completed = true;
  });
  coppice::spawn(io, [&]() -> asio::awaitable<void> {
    first_is_in_a_turn = true;
    while (!second_is_told) std::this_thread::yield();
    co_return;
  });
  std::string told;
  std::thread second{[&] {
    while (!first_is_in_a_turn) std::this_thread::yield();
    told = refusal([&io] { io.run(); });  // brings the timer, while the first one is busy
    second_is_told = true;
  }};
  io.run();
  second.join();
  CHECK(told ==
        "coppice: two threads run the same io_context; processes live on one thread: let one "
        "thread run it, or give each thread an io_context of its own");
  CHECK(completed);
}

namespace {

asio::awaitable<int> on_the_pool() { co_return 3; }

asio::awaitable<void> works_on(asio::thread_pool& pool) {
  for (;;) {
    auto op = asio::co_spawn(
        pool, on_the_pool(),
        asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::use_awaitable));
    co_await std::move(op);
  }
}

}  // namespace

TEST_CASE("processes that await a pool are killed, where no cancellation is handed to the pool") {
  asio::thread_pool pool{2};
  asio::io_context io{1};
  coppice::set_report_sink(io, {});
  int killed = 0;
  coppice::spawn(io, [&]() -> asio::awaitable<void> {
    for (int i = 0; i < 300; ++i) {
      const auto p = coppice::spawn([&pool] { return works_on(pool); });
      co_await coppice::sleep_for(std::chrono::microseconds{(i * 7) % 200});
      coppice::kill(p);
      auto end = coppice::await_exit(p);
      const coppice::exit_reason why = co_await std::move(end);
      if (why.kind() == coppice::exit_reason::kind_type::killed) ++killed;
    }
  });
  io.run();
  pool.join();
  CHECK(killed == 300);
}

TEST_CASE("monitors stay distinct when one thread after another runs the io_context") {
  asio::io_context io;
  coppice::mailbox<coppice::down> box;
  std::vector<coppice::pid> watched;
  const auto wait_for_ever = []() -> asio::awaitable<void> { co_await coppice::sleep_for(24h); };
  for (int i = 0; i < 2; ++i) {
    watched.push_back(coppice::spawn(io, wait_for_ever));
    std::thread{[&] {
      coppice::monitor(watched.back(), box);
      io.poll();
      io.restart();
    }}.join();
  }
  for (const coppice::pid& p : watched) coppice::kill(p);
  std::vector<coppice::down> heard;
  coppice::spawn(io, [&]() -> asio::awaitable<void> {
    for (int i = 0; i < 2; ++i) heard.push_back(co_await box.receive());
  });
  io.poll();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].process == watched[0]);
  CHECK(heard[1].process == watched[1]);
  CHECK(heard[0].monitor != heard[1].monitor);
}
