// Trees stop and io_contexts go while real threads call what any thread may call. To be run under
// ThreadSanitizer too.

#include <coppice.hpp>

#include <doctest/doctest.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using coppice::server_ref;

namespace {

constexpr int callers = 3;

// A server that answers at once, from another thread, or never.
class clerk {
 public:
  struct note {
    std::string text;
  };
  struct count {
    using reply = int;
  };
  struct copy {
    using reply = std::string;
    std::string text;
  };
  struct forget {
    using reply = int;
  };
  struct who {
    using reply = coppice::pid;
  };
  struct crash {
    using reply = int;
  };

  explicit clerk(asio::thread_pool* pool) : pool_{pool} {}

  void handle(const note&) { ++notes_; }
  int handle(count) { return notes_; }
  void handle(const copy& m, coppice::reply_to<std::string> answer) {
    asio::post(*pool_, [text = m.text, a = std::move(answer)]() mutable { std::move(a)(text); });
  }
  void handle(forget, coppice::reply_to<int> answer) {
    asio::post(*pool_,
               [a = std::move(answer)]() mutable { const auto thrown_away = std::move(a); });
  }
  coppice::pid handle(who) { return coppice::self(); }
  int handle(crash) { throw std::runtime_error{"crash"}; }

 private:
  asio::thread_pool* pool_;
  int notes_ = 0;
};

coppice::supervisor_spec clerks(asio::thread_pool& pool) {
  return {.name = "clerks",
          .strategy = coppice::rest_for_one,
          .intensity = 1'000'000,
          .period = 5s,
          .children = {coppice::server<clerk>("first", &pool),
                       coppice::server<clerk>("second", &pool)}};
}

// How calls have ended.
struct tally {
  std::atomic<int> made = 0;
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;

  template <class F>
  void enter(F call) {
    ++made;
    try {
      call();
      ++answered;
    } catch (const boost::system::system_error&) {
      ++failed;
    }
  }
  [[nodiscard]] int ended() const { return answered + failed; }
};

int count(const server_ref<clerk>& server) {
  return server.call(clerk::count{}, 60s)(asio::use_future).get();
}

// Calls, and hears of the answer in the pool.
void call_back(const server_ref<clerk>& server, asio::thread_pool& pool, tally& all) {
  const auto heard = [&all](const boost::system::error_code& ec, int) {
    ++(ec ? all.failed : all.answered);
  };
  ++all.made;
  try {
    server.call(clerk::count{}, 60s)(asio::bind_executor(pool.get_executor(), heard));
  } catch (const boost::system::system_error&) {
    ++all.failed;  // it is known at once that nobody is there
  }
}

// What a thread does to a server that it knows by name, until it is told to stop.
void use(const server_ref<clerk>& server, int n, tally& all) {
  using asio::use_future;
  const std::string text = "text that is too long to be kept in place";
  server.cast(clerk::note{text});
  switch (n % 5) {
    case 0: return all.enter([&] { count(server); });
    case 1: return all.enter([&] { server.call(clerk::copy{text}, 60s)(use_future).get(); });
    case 2: return all.enter([&] { server.call(clerk::forget{}, 60s)(use_future).get(); });
    case 3: return all.enter([&] { server.call(clerk::copy{text}, 20us)(use_future).get(); });
    default: return all.enter([&] { server.call(clerk::crash{}, 60s)(use_future).get(); });
  }
}

// Threads that do something over and over, until this is destroyed.
class crowd {
 public:
  template <class F>
  crowd(int n, F f) {
    for (int i = 0; i < n; ++i) {
      threads_.emplace_back([this, f, i]() mutable {
        for (int turn = i; !stops_; ++turn) f(turn);
      });
    }
  }
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;
  ~crowd() {
    stops_ = true;
    for (auto& t : threads_) t.join();
  }

 private:
  std::atomic<bool> stops_ = false;
  std::vector<std::thread> threads_;
};

void until(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

// Ends the server, and returns how many times.
int hunt(const server_ref<clerk>& server, int n) {
  coppice::pid found;
  try {
    found = server.call(clerk::who{}, 60s)(asio::use_future).get();
  } catch (const boost::system::system_error&) {
    return 0;  // it has just been killed, and is not up again
  }
  const coppice::pid copy = found;
  if (n % 2 == 0) {
    coppice::kill(copy);
  } else {
    coppice::exit(copy, coppice::exit_reason::error("shot"));
  }
  // By now it may be alive, or not; but it is the same process.
  return copy.alive() || copy == found ? 1 : 0;
}

// Does `f` on the loop's thread, and waits for it.
template <class F>
void on_loop(asio::io_context& io, F f) {
  std::promise<void> done;
  asio::post(io, [&] {
    f();
    done.set_value();
  });
  done.get_future().get();
}

void stop_and_wait(asio::io_context& io, coppice::supervisor_ref& tree) {
  std::promise<void> stopped;
  asio::post(io, [&] { tree.stop()([&](auto...) { stopped.set_value(); }); });
  stopped.get_future().get();
}

// An io_context that stays, with a thread that runs it until it is told to finish.
class lasting_loop {
 public:
  lasting_loop() {
    coppice::set_report_sink(io, {});
    thread_ = std::thread{[this] { io.run(); }};
  }
  void finish() {
    works_.reset();
    thread_.join();
  }

  asio::io_context io{1};

 private:
  asio::executor_work_guard<asio::io_context::executor_type> works_{io.get_executor()};
  std::thread thread_;
};

}  // namespace

TEST_CASE("trees stop and start again under the calls of many threads, and every call ends") {
  lasting_loop loop;
  asio::io_context& io = loop.io;
  asio::thread_pool pool{2};
  tally calls;
  int trees = 0;
  {
    const server_ref<clerk> first{io, "first"};
    const server_ref<clerk> second{io, "second"};
    const crowd busy{callers, [&](int n) { use(n % 2 == 0 ? first : second, n, calls); }};
    for (int round = 0; round < 30; ++round) {
      coppice::supervisor_ref tree;
      on_loop(io, [&] { tree = coppice::start_supervisor(io, clerks(pool)); });
      const int before = calls.ended();
      until([&] { return calls.ended() > before + 20; });
      stop_and_wait(io, tree);
      ++trees;
    }
  }
  pool.join();
  loop.finish();
  CHECK(trees == 30);
  CHECK(calls.ended() == calls.made);
  CHECK(calls.answered > 0);
  CHECK(calls.failed > 0);
}

TEST_CASE("threads kill and send signals while a tree stops, and no process is left") {
  lasting_loop loop;
  asio::io_context& io = loop.io;
  asio::thread_pool pool{2};
  std::atomic<int> killed = 0;
  for (int round = 0; round < 20; ++round) {
    coppice::supervisor_ref tree;
    on_loop(io, [&] { tree = coppice::start_supervisor(io, clerks(pool)); });
    const int before = killed;
    {
      const server_ref<clerk> second{io, "second"};
      const crowd hunters{callers, [&](int n) { killed += hunt(second, n); }};
      until([&] { return killed > before + 20; });
      stop_and_wait(io, tree);
    }
  }
  std::size_t left = 1;
  on_loop(io, [&] { left = coppice::processes(io).size(); });
  pool.join();
  loop.finish();
  CHECK(left == 0);
}

TEST_CASE("an io_context goes while threads call, and every call ends") {
  tally calls;
  asio::thread_pool pool{2};
  for (int round = 0; round < 30; ++round) {
    auto io = std::make_unique<asio::io_context>(1);
    coppice::set_report_sink(*io, {});
    coppice::start_supervisor(*io, clerks(pool));
    const server_ref<clerk> first{*io, "first"};
    std::optional<coppice::address<std::string>> letters;
    coppice::spawn(*io, [&letters]() -> asio::awaitable<void> {
      coppice::mailbox<std::string> box;
      letters = box.get_address();
      for (;;) co_await box.receive();
    });
    io->poll();
    std::thread loop{[&io] { io->run(); }};
    {
      // Calls that have no answer when the io_context goes are failed by that. An answer must not
      // be given any more then, and so these are given by the server itself.
      const crowd patient{2, [&](int) { calls.enter([&] { count(first); }); }};
      // Who does not wait for the loop is in the middle of something when the io_context goes.
      const crowd hasty{2, [&, to = *letters](int n) {
                          to.send("text that is too long to be kept in place");
                          first.cast(clerk::note{"some text"});
                          if (n % 16 == 0) call_back(first, pool, calls);
                        }};
      const int before = calls.ended();
      until([&] { return calls.ended() > before + 20; });
      io->stop();
      loop.join();
      io.reset();
      const int after = calls.failed;
      until([&] { return calls.failed > after + 20; });  // by now nobody is there
    }
  }
  pool.join();
  CHECK(calls.ended() == calls.made);
  CHECK(calls.answered > 0);
}

TEST_CASE("an io_context goes while processes of another one call its servers") {
  asio::thread_pool pool{1};
  lasting_loop home;
  asio::io_context& here = home.io;
  int answered = 0;
  int failed = 0;
  for (int round = 0; round < 30; ++round) {
    auto there = std::make_unique<asio::io_context>(1);
    coppice::set_report_sink(*there, {});
    coppice::start_supervisor(*there, clerks(pool));
    const server_ref<clerk> first{*there, "first"};
    std::thread loop{[&there] { there->run(); }};
    std::atomic<int> calls = 0;
    std::atomic<bool> enough = false;
    std::vector<std::future<void>> ends;
    for (int i = 0; i < callers; ++i) {
      auto end = std::make_shared<std::promise<void>>();
      ends.push_back(end->get_future());
      const auto client = [&, end]() -> asio::awaitable<void> {
        while (!enough) {
          try {
            co_await first.call(clerk::count{}, 60s);
            ++answered;
          } catch (const boost::system::system_error&) {
            ++failed;
          }
          ++calls;
          co_await coppice::yield();
        }
        end->set_value();
      };
      asio::post(here, [&here, client] { coppice::spawn(here, client); });
    }
    until([&] { return calls > 20; });
    there->stop();
    loop.join();
    there.reset();
    const int before = calls;
    until([&] { return calls > before + 20; });
    enough = true;
    for (auto& end : ends) end.get();
  }
  home.finish();
  pool.join();
  CHECK(answered > 0);
  CHECK(failed > 0);
}

TEST_CASE("an io_context goes whose processes wait for servers of another one") {
  asio::thread_pool pool{1};
  asio::io_context there{1};
  coppice::set_report_sink(there, {});
  coppice::start_supervisor(there, clerks(pool));
  const server_ref<clerk> first{there, "first"};
  std::thread loop{[&there] { there.run(); }};
  std::atomic<int> calls = 0;
  for (int round = 0; round < 30; ++round) {
    auto here = std::make_unique<asio::io_context>(1);
    coppice::set_report_sink(*here, {});
    for (int i = 0; i < callers; ++i) {
      coppice::spawn(*here, [&, i]() -> asio::awaitable<void> {
        for (;;) {
          if (i == 0) {
            auto asking = first.call(clerk::copy{"text that is too long to be kept"}, 60s);
            co_await asking.result();
          } else {
            co_await first.call(clerk::count{}, 60s);
          }
          ++calls;
        }
      });
    }
    std::thread home{[&here] { here->run(); }};
    const int before = calls;
    until([&] { return calls > before + 20; });
    here->stop();
    home.join();
    here.reset();
  }
  // The server has come to no harm.
  CHECK(count(first) == 0);
  there.stop();
  loop.join();
  pool.join();
}
