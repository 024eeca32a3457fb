#include "support/simulation_failure.hpp"

#include <coppice.hpp>
#include <coppice/simulation_doctest.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using coppice::simulate;
using coppice::simulation;

namespace {

// Several threads write their names, as often as there are turns.
std::string write_names(int threads, int turns) {
  std::mutex m;
  std::string written;
  std::vector<std::thread> all;
  for (int n = 0; n < threads; ++n) {
    all.emplace_back([&, n] {
      for (int i = 0; i < turns; ++i) {
        std::this_thread::sleep_for(1ms);
        const std::lock_guard lock{m};
        written += static_cast<char>('a' + n);
      }
    });
  }
  for (std::thread& t : all) t.join();
  return written;
}

}  // namespace

TEST_CASE("a pool of threads does its work within the simulation, and brings the results back") {
  std::set<std::vector<int>> orders;
  simulate({.seeds = 200}, [&](simulation& s) {
    asio::thread_pool pool{3};
    auto work = asio::make_work_guard(s.io());
    std::vector<int> results;
    for (int i = 0; i < 5; ++i) {
      asio::post(pool, [&, i] {
        std::this_thread::sleep_for(2ms);
        asio::post(s.io(), [&, i] {
          results.push_back(i);
          if (results.size() == 5) work.reset();
        });
      });
    }
    s.run();
    CHECK(results.size() == 5);
    CHECK(s.elapsed() >= 4ms);  // five times two milliseconds, by three
    CHECK(s.elapsed() < 100ms);
    orders.insert(results);
    pool.join();
  });
  CHECK(orders.size() > 20);
}

TEST_CASE("two threads that hand a turn to each other take the same course with the same seed") {
  std::set<std::chrono::nanoseconds> durations;
  simulate({.seeds = 200, .played_twice = 1}, [&](simulation& s) {
    std::mutex m;
    std::condition_variable news;
    int turn = 0;
    const auto player = [&](int me) {
      for (int i = 0; i < 20; ++i) {
        std::unique_lock lock{m};
        news.wait(lock, [&] { return turn % 2 == me; });
        ++turn;
        news.notify_one();
      }
    };
    std::thread one{player, 0};
    std::thread other{player, 1};
    one.join();
    other.join();
    CHECK(turn == 40);
    durations.insert(s.elapsed());
  });
  CHECK(durations.size() > 190);
}

TEST_CASE("in which order threads run is drawn from the seed") {
  std::set<std::string> orders;
  simulate({.seeds = 200, .played_twice = 1},
           [&](simulation&) { orders.insert(write_names(3, 2)); });
  CHECK(orders.size() > 50);
}

TEST_CASE("the sleep of a thread lets time pass in the simulation alone") {
  const auto before = std::chrono::steady_clock::now();
  simulate({.seeds = 20, .threads = {.delay_max = 0us}}, [](simulation& s) {
    std::chrono::steady_clock::duration slept{};
    std::thread sleeper{[&] {
      const auto begin = std::chrono::steady_clock::now();
      std::this_thread::sleep_for(5h);
      ::usleep(500'000);
      slept = std::chrono::steady_clock::now() - begin;
    }};
    s.run_for(1h);
    CHECK(slept == 0h);
    sleeper.join();
    CHECK(slept == 5h + 500ms);
    CHECK(s.elapsed() == slept);
  });
  CHECK(std::chrono::steady_clock::now() - before < 1h);
}

TEST_CASE("a thread goes on some time after it could, which the options say") {
  simulate({.seeds = 20, .threads = {.delay_min = 3ms, .delay_max = 4ms}}, [](simulation& s) {
    std::thread{[&] { CHECK(s.elapsed() >= 3ms); }}.join();
    CHECK(s.elapsed() <= 4ms);
  });
}

TEST_CASE("a jthread is asked to stop, and waited for, by its destructor") {
  simulate({.seeds = 50}, [](simulation& s) {
    int rounds = 0;
    {
      const std::jthread t{[&](const std::stop_token& stop) {
        for (; !stop.stop_requested(); ++rounds) std::this_thread::sleep_for(1s);
      }};
      s.run_for(10s);
    }
    CHECK(rounds > 8);
    CHECK(rounds <= 11);
  });
}

TEST_CASE("what waits with a time limit hears of it when that time has passed") {
  simulate({.seeds = 20, .threads = {.delay_max = 0us}}, [](simulation& s) {
    std::mutex m;
    std::condition_variable news;
    std::unique_lock lock{m};
    CHECK(news.wait_for(lock, 10s) == std::cv_status::timeout);
    CHECK(s.elapsed() == 10s);
    const auto wall = std::chrono::system_clock::now() + 10s;
    CHECK(news.wait_until(lock, wall) == std::cv_status::timeout);
    CHECK(s.elapsed() == 20s);
    std::promise<int> never;
    CHECK(never.get_future().wait_for(10s) == std::future_status::timeout);
    std::timed_mutex busy;
    std::thread holder{[&] {
      const std::lock_guard held{busy};
      std::this_thread::sleep_for(1h);
    }};
    std::this_thread::sleep_for(1s);
    CHECK(!busy.try_lock_for(10s));
    CHECK(busy.try_lock_for(2h));
    busy.unlock();
    holder.join();
    CHECK(s.elapsed() == 1h + 30s);
  });
}

TEST_CASE("futures, latches, semaphores, atomics, shared mutexes and call_once wait as well") {
  simulate({.seeds = 50}, [](simulation&) {
    std::future<int> answer = std::async(std::launch::async, [] {
      std::this_thread::sleep_for(1s);
      return 42;
    });
    CHECK(answer.get() == 42);

    std::latch done{3};
    std::counting_semaphore<2> room{2};
    std::atomic<bool> go = false;
    std::once_flag once;
    std::shared_mutex shared;
    int firsts = 0;
    int inside = 0;
    int most_inside = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        go.wait(false);
        std::call_once(once, [&] {
          std::this_thread::sleep_for(1s);
          ++firsts;
        });
        room.acquire();
        most_inside = std::max(most_inside, ++inside);
        std::this_thread::sleep_for(1s);
        --inside;
        room.release();
        {
          const std::unique_lock alone{shared};
          std::this_thread::sleep_for(1s);
        }
        {
          const std::shared_lock together{shared};
          std::this_thread::sleep_for(1s);
        }
        done.count_down();
      });
    }
    std::this_thread::sleep_for(1s);
    go = true;
    go.notify_all();
    done.wait();
    CHECK(firsts == 1);
    CHECK(most_inside == 2);
  });
}

TEST_CASE("a thread has an io_context of its own, with sockets and timers of the simulation") {
  simulate({.seeds = 50}, [](simulation& s) {
    asio::io_context other{1};
    asio::steady_timer t{other, 1h};
    bool rung = false;
    t.async_wait([&](boost::system::error_code) { rung = true; });
    std::thread runner{[&] { other.run(); }};
    s.run_for(30min);
    CHECK(!rung);
    asio::post(other, [&] { t.expires_after(10min); });  // cancels it
    runner.join();
    CHECK(rung);
    CHECK(s.elapsed() < 31min);
  });
}

TEST_CASE("threads that wait for each other are told") {
  const std::string why = failure_of({.seeds = 1}, [](simulation&) {
    std::mutex a;
    std::mutex b;
    const auto take = [](std::mutex& first, std::mutex& second) {
      const std::lock_guard one{first};
      std::this_thread::sleep_for(1s);
      const std::lock_guard two{second};
    };
    std::jthread one{[&] { take(a, b); }};
    std::jthread other{[&] { take(b, a); }};
  });
  CHECK(contains(why, "nothing can ever happen, and the thread that simulates waits for the end of "
                      "a thread"));
  CHECK(contains(why, "; thread 1 waits for a mutex; thread 2 waits for a mutex"));
}

TEST_CASE("a lost notification is found by a few seeds, and told with what waits") {
  const coppice::simulation_options o{
      .threads = {.delay_max = 3ms, .interruption = 0.5}, .draw_faults = false};
  const std::string why = failure_of(o, [](simulation& s) {
    std::mutex m;
    std::condition_variable news;
    bool ready = false;
    std::thread waiter{[&] {
      if (ready) return;
      std::unique_lock lock{m};  // it may be ready by now
      news.wait(lock);
    }};
    s.run_for(std::chrono::microseconds{s.draw(5'000)});
    {
      const std::lock_guard lock{m};
      ready = true;
    }
    news.notify_one();
    waiter.join();
  });
  CHECK(contains(why, "nothing can ever happen"));
  CHECK(contains(why, "; thread 1 waits for a condition variable"));
  CHECK(contains(why, "  delay of threads: 0 to 3000 us\n  interruption: 0.5\n"));
}

TEST_CASE("a loop that waits for a thread which never answers is told, with the thread") {
  const std::string why = failure_of({.seeds = 1}, [](simulation& s) {
    auto* const m = new std::mutex;  // outlives the thread, which never ends
    auto* const news = new std::condition_variable;
    std::thread{[m, news] {
      std::unique_lock lock{*m};
      news->wait(lock, [] { return false; });
    }}.detach();
    const auto work = asio::make_work_guard(s.io());
    s.run();
  });
  CHECK(contains(why, "nothing can ever happen, and something is waited for"));
  CHECK(contains(why, "; thread 1 waits for a condition variable"));
}

TEST_CASE("a thread that is left when the io_context is gone is told") {
  const std::string why = failure_of({.seeds = 1}, [](simulation&) {
    std::thread{[] { std::this_thread::sleep_for(1s); }}.detach();
  });
  CHECK(contains(why, "threads are left when the io_context is gone; thread 1 waits for time"));
}

TEST_CASE("a thread that never ends ends the play at its limit") {
  const std::string why = failure_of({.seeds = 1, .time_limit = 1min}, [](simulation&) {
    std::thread endless{[] {
      for (;;) std::this_thread::sleep_for(1s);
    }};
    endless.join();
  });
  CHECK(contains(why, "the play lasts longer than its limits, and the thread that simulates waits "
                      "for the end of a thread"));
}

TEST_CASE("a thread's own objects are destroyed before it has ended") {
  simulate({.seeds = 20}, [](simulation&) {
    struct slow {
      ~slow() {
        std::this_thread::sleep_for(1s);
        *gone = true;
      }
      bool* gone = nullptr;
    };
    bool gone = false;
    std::thread{[&] {
      thread_local slow last;
      last.gone = &gone;
    }}.join();
    CHECK(gone);
  });
}

TEST_CASE("a play that reads what another thread is about to write fails by its second course") {
  std::atomic<int> beside = 0;  // of a thread that is none of the play's
  std::atomic<bool> over = false;
  std::thread real{[&] {
    while (!over) ++beside;
  }};
  const std::string why = failure_of({.played_twice = 1}, [&](simulation& s) {
    std::thread{[&] { std::this_thread::sleep_for(std::chrono::microseconds{beside.load()}); }}
        .join();
    s.run_for(1s);
  });
  over = true;
  real.join();
  CHECK(contains(why, "the same seed has taken another course the second time"));
}

TEST_CASE("threads outside of a simulation wait and are notified as ever") {
  std::mutex m;
  std::condition_variable news;
  int turn = 0;
  const auto player = [&](int me) {
    for (int i = 0; i < 100; ++i) {
      std::unique_lock lock{m};
      if (i % 2 == 0) {
        news.wait(lock, [&] { return turn % 2 == me; });
      } else {
        CHECK(news.wait_for(lock, 1h, [&] { return turn % 2 == me; }));
      }
      ++turn;
      news.notify_one();
    }
  };
  std::thread one{player, 0};
  std::thread other{player, 1};
  one.join();
  other.join();
  CHECK(turn == 200);
  CHECK(std::async(std::launch::async, [] { return 42; }).get() == 42);
}

TEST_CASE("delays and chances of threads that make no sense are refused") {
  const auto play = [](const coppice::simulation_options& o) {
    simulate(o, [](simulation&) { FAIL("played"); });
  };
  CHECK_THROWS_WITH_AS(play({.threads = {.delay_min = 2ms, .delay_max = 1ms}}),
                       "coppice: simulate: delay_min must not be negative, nor above delay_max",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(play({.threads = {.interruption = 2}}),
                       "coppice: simulate: the chance of an interruption has to be from 0 to 1",
                       std::invalid_argument);
}
