#include "support/environment.hpp"
#include "support/simulation_failure.hpp"

#include <coppice.hpp>
#include <coppice/simulation_doctest.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using coppice::fault_kind;
using coppice::simulate;
using coppice::simulated_order;
using coppice::simulation;

namespace {

asio::awaitable<void> sleeper(std::vector<int>& woken) {
  asio::steady_timer t{co_await asio::this_coro::executor};
  for (int i = 0; i < 100; ++i) {
    t.expires_after(1h);
    co_await t.async_wait(asio::use_awaitable);
    woken.push_back(i);
  }
}

asio::awaitable<void> steady_worker() {
  for (;;) co_await coppice::sleep_for(10ms);
}

// A supervisor of one worker, for ten seconds; gives its reports.
std::vector<std::string> ten_seconds_of_a_worker(simulation& s) {
  coppice::start_supervisor(s.io(), {.strategy = coppice::one_for_one,
                                     .intensity = 1'000'000,
                                     .children = {{.id = "worker", .start = steady_worker}}});
  s.run_for(10s);
  return s.reports();
}

std::size_t count(const std::vector<std::string>& lines, const std::string& part) {
  std::size_t n = 0;
  for (const std::string& line : lines) n += contains(line, part) ? 1 : 0;
  return n;
}

// Their names, in the order in which they run.
void spawn_three_who_say(simulation& s, std::string& order) {
  for (const char c : {'a', 'b', 'c'}) {
    coppice::spawn(s.io(), [&order, c]() -> asio::awaitable<void> {
      order += c;
      co_return;
    });
  }
}

coppice::simulation_options with_fault(fault_kind kind, double chance) {
  return {.seeds = 10, .faults = {{.process = "worker", .kind = kind, .chance = chance}},
          .draw_faults = false};
}

}  // namespace

TEST_CASE("Asio's timers go by the time of the simulation: a hundred hours in a moment") {
  simulate({.seeds = 50, .time_limit = 101h}, [](simulation& s) {
    std::vector<int> woken;
    const auto before = std::chrono::steady_clock::now();
    asio::co_spawn(s.io(), sleeper(woken), asio::detached);
    s.run();
    CHECK(woken.size() == 100);
    CHECK(s.elapsed() == 100h);
    CHECK(std::chrono::steady_clock::now() - before == 100h);
  });
}

TEST_CASE("a thread that sleeps lets time pass, on every clock") {
  simulate(1, [](simulation& s) {
    const auto wall = std::chrono::system_clock::now();
    std::this_thread::sleep_for(90s);
    ::usleep(500'000);
    CHECK(s.elapsed() == 90'500ms);
    CHECK(std::chrono::system_clock::now() - wall == 90'500ms);
  });
}

TEST_CASE("what runs outside of a simulation, or beside it, has the real time") {
  std::chrono::steady_clock::time_point inside;
  std::chrono::steady_clock::time_point beside;
  std::promise<void> has_run;
  std::thread real{[&] {
    has_run.get_future().wait();
    beside = std::chrono::steady_clock::now();
  }};
  simulate(1, [&](simulation& s) {
    s.run_for(1000h);
    inside = std::chrono::steady_clock::now();
    has_run.set_value();
  });
  real.join();
  const auto after = std::chrono::steady_clock::now();
  CHECK(beside <= after);
  CHECK(after - beside < 1h);
  CHECK(inside - after != 1000h);
}

TEST_CASE("a process that crashes by chance is restarted, at every seed anew") {
  simulate(with_fault(fault_kind::crash, 0.01), [](simulation& s) {
    const auto reports = ten_seconds_of_a_worker(s);
    CHECK(count(reports, "simulated fault of worker") > 0);
    CHECK(coppice::process_states(s.io()).size() == 2);
  });
}

TEST_CASE("a process that is killed by chance is restarted") {
  simulate(with_fault(fault_kind::kill, 0.01), [](simulation& s) {
    CHECK(count(ten_seconds_of_a_worker(s), "killed") > 0);
  });
}

TEST_CASE("a process that hangs does nothing more, and can be killed") {
  simulate(with_fault(fault_kind::hang, 1), [](simulation& s) {
    const coppice::pid p = coppice::spawn(s.io(), steady_worker, "worker");
    s.run_for(1h);
    CHECK(p.alive());
    coppice::kill(p);
    s.run();
    CHECK(!p.alive());
    CHECK(s.elapsed() == 1h);
  });
}

TEST_CASE("a process that hangs for longer than its progress limit ends for that") {
  struct server {
    struct work {};
    void handle(work) {}
  };
  const auto worker = coppice::worker("worker", steady_worker);
  for (const coppice::child_spec& spec : {worker, coppice::server<server>("worker")}) {
    simulate(with_fault(fault_kind::hang, 0.2), [&](simulation& s) {
      coppice::start_supervisor(s.io(), {.strategy = coppice::one_for_one,
                                         .intensity = 1'000'000,
                                         .children = {spec.with_progress_limit(10s)}});
      for (int i = 0; i < 1'000; ++i) {
        s.run_for(1s);
        coppice::server_ref<server>{s.io(), "worker"}.cast(server::work{});
      }
      CHECK(count(s.reports(), "hung") > 10);
      s.end_faults();
      s.run_for(20s);
      const std::size_t before = s.reports().size();
      s.run_for(1min);
      CHECK(s.reports().size() == before);
    });
  }
}

TEST_CASE("a process that is late goes on later") {
  simulate(with_fault(fault_kind::late, 1), [](simulation& s) {
    int turns = 0;
    auto worker = [&]() -> asio::awaitable<void> {
      for (;;) {
        co_await coppice::sleep_for(10ms);
        ++turns;
      }
    };
    coppice::spawn(s.io(), worker, "worker");
    s.run_for(100s);
    CHECK(turns > 50);
    CHECK(turns < 5'000);
  });
}

TEST_CASE("an allocation that fails ends the process with std::bad_alloc") {
  std::size_t failures = 0;
  simulate(with_fault(fault_kind::no_memory, 0.05), [&](simulation& s) {
    auto hungry = []() -> asio::awaitable<void> {
      for (;;) {
        co_await coppice::sleep_for(10ms);
        std::vector<std::string> memory;
        for (int i = 0; i < 10; ++i) memory.emplace_back(100, 'x');
      }
    };
    coppice::start_supervisor(s.io(), {.strategy = coppice::one_for_one,
                                       .intensity = 1'000'000,
                                       .children = {{.id = "worker", .start = hungry}}});
    s.run_for(10s);
    failures += count(s.reports(), "bad_alloc");
  });
  CHECK(failures > 0);
}

TEST_CASE("a lack of memory befalls the process alone, and not what simulates it") {
  simulate({.seeds = 30,
            .faults = {{.process = "worker", .kind = fault_kind::no_memory, .chance = 1}},
            .draw_faults = false},
           [](simulation& s) {
             auto modest = []() -> coppice::task<void> {
               for (;;) co_await coppice::yield();
             };
             const coppice::pid p = coppice::spawn(s.io(), modest, "worker");
             int turns = 0;
             s.run_until("it has had many turns", [&turns] { return ++turns > 1'000; });
             CHECK(p.alive());
             coppice::kill(p);
             s.run();
           });
}

TEST_CASE("which allocation fails does not depend on what was freed before the play") {
  const auto play = [](int processes_before) {
    std::vector<std::string> reports;
    std::thread{[&] {
      {
        asio::io_context before;
        for (int i = 0; i < processes_before; ++i) coppice::spawn(before, steady_worker);
        before.poll();
      }
      simulate(with_fault(fault_kind::no_memory, 0.5), [&](simulation& s) {
        auto spawner = []() -> coppice::task<void> {
          std::vector<coppice::pid> spawned;
          for (;;) {
            for (int i = 0; i < 3; ++i) spawned.push_back(coppice::spawn(steady_worker));
            co_await coppice::sleep_for(10ms);
            while (spawned.size() > 5) {
              coppice::kill(spawned.back());
              spawned.pop_back();
            }
          }
        };
        coppice::start_supervisor(s.io(), {.strategy = coppice::one_for_one,
                                           .intensity = 1'000'000,
                                           .children = {coppice::worker("worker", spawner)}});
        s.run_for(200ms);
        reports.insert(reports.end(), s.reports().begin(), s.reports().end());
      });
    }}.join();
    return reports;
  };
  CHECK(play(100) == play(0));
}

TEST_CASE("a child that has no memory when it ends does not end its supervisor") {
  simulate({.seeds = 100,
            .faults = {{.process = "worker", .kind = fault_kind::no_memory, .chance = 0.5}},
            .draw_faults = false},
           [](simulation& s) {
             // Every second time it ends before it is up, in a step that needs no memory itself.
             int starts = 0;
             auto short_lived = [&starts](coppice::init_ack up) -> coppice::task<void> {
               const bool is_odd = ++starts % 2 == 1;
               co_await coppice::sleep_for(10ms);
               if (is_odd) up.ready();
             };
             s.end_faults();
             coppice::start_supervisor(
                 s.io(), {.name = "root",
                          .strategy = coppice::one_for_one,
                          .intensity = 1'000'000,
                          .children = {coppice::worker("worker", short_lived)}});
             s.run_for(1s);
             s.begin_faults();
             s.run_for(20s);
             CHECK(coppice::whereis(s.io(), "root"));
             CHECK(count(s.reports(), "failed to start") > 10);
           });
}

TEST_CASE("an exception out of the io_context ends the processes before what they refer to") {
  bool is_there = false;
  bool was_there = false;
  const std::string why = failure_of({.seeds = 1, .order = simulated_order::first_come},
                                     [&](simulation& s) {
    struct owner {
      explicit owner(bool& b) : is{b} { is = true; }
      owner(const owner&) = delete;
      owner& operator=(const owner&) = delete;
      ~owner() { is = false; }
      bool& is;
    };
    const owner here{is_there};
    auto worker = [&]() -> asio::awaitable<void> {
      struct look {
        ~look() { was_there = is_there; }
        bool& was_there;
        bool& is_there;
      };
      const look last{was_there, is_there};
      co_await coppice::sleep_for(1h);
    };
    coppice::spawn(s.io(), worker);
    asio::steady_timer t{s.io(), 1s};
    t.async_wait([](boost::system::error_code) { throw std::runtime_error{"out of run"}; });
    s.run();
  });
  CHECK(contains(why, "out of run"));
  CHECK(was_there);
}

TEST_CASE("faults end when the test says so") {
  simulate(with_fault(fault_kind::crash, 0.5), [](simulation& s) {
    coppice::start_supervisor(s.io(), {.strategy = coppice::one_for_one,
                                       .intensity = 1'000'000,
                                       .children = {{.id = "worker", .start = steady_worker}}});
    s.run_for(10s);
    s.end_faults();
    const std::size_t before = s.reports().size();
    s.run_for(10s);
    CHECK(s.reports().size() == before);
  });
}

TEST_CASE("who runs first is drawn from the seed") {
  for (const simulated_order how : {simulated_order::random, simulated_order::priorities}) {
    std::set<std::string> orders;
    simulate({.seeds = 100, .order = how}, [&](simulation& s) {
      std::string order;
      spawn_three_who_say(s, order);
      s.run();
      orders.insert(order);
    });
    CHECK(orders.size() == 6);
  }
}

TEST_CASE("priorities change, so that processes take turns that they would not take otherwise") {
  std::set<std::string> orders;
  simulate({.seeds = 300, .order = simulated_order::priorities}, [&](simulation& s) {
    std::string order;
    for (const char c : {'a', 'b'}) {
      coppice::spawn(s.io(), [&order, c]() -> coppice::task<void> {
        order += c;
        co_await coppice::yield();
        order += c;
      });
    }
    s.run();
    orders.insert(order);
  });
  // Who has the higher priority in the beginning comes to its end, unless that changes.
  CHECK(orders.contains("aabb"));
  CHECK(orders.contains("bbaa"));
  CHECK(orders.contains("abba"));
}

TEST_CASE("first come, first served, is the order without a simulation") {
  simulate({.seeds = 10, .order = simulated_order::first_come}, [](simulation& s) {
    std::string order;
    spawn_three_who_say(s, order);
    s.run();
    CHECK(order == "abc");
  });
}

TEST_CASE("where nothing can ever happen, the processes and what they wait for are told") {
  const std::string why = failure_of({}, [](simulation& s) {
    auto waits = []() -> asio::awaitable<void> {
      coppice::mailbox<int> box;
      co_await box.receive();
    };
    coppice::spawn(s.io(), waits, "patient");
    s.run();
  });
  CHECK(contains(why, "nothing can ever happen"));
  CHECK(contains(why, "patient waits for a message"));
}

TEST_CASE("where something is always ready, so that no time passes, that is told") {
  const std::string why = failure_of({.steps_at_one_time = 1'000}, [](simulation& s) {
    auto busy = []() -> asio::awaitable<void> {
      for (;;) co_await coppice::yield();
    };
    coppice::spawn(s.io(), busy);
    s.run_for(1s);
  });
  CHECK(contains(why, "time does not pass"));
}

TEST_CASE("a play that waits for a timer beyond its limit has failed, and ends") {
  const std::string why = failure_of({.seeds = 2}, [](simulation& s) {
    asio::steady_timer far{s.io(), std::chrono::hours{24 * 365 * 100}};
    far.async_wait([](boost::system::error_code) {});
    s.run();
  });
  CHECK(contains(why, "the play lasts longer than its limit"));
}

TEST_CASE("what is waited for has to come about, in time") {
  const std::string late = failure_of({}, [](simulation& s) {
    coppice::spawn(s.io(), steady_worker);
    s.run_until("pigs fly", [] { return false; }, 10s);
  });
  CHECK(contains(late, "within 10.000000 s it has not come about: pigs fly"));
  const std::string never = failure_of({}, [](simulation& s) {
    s.run_until("pigs fly", [] { return false; });
  });
  CHECK(contains(never, "nothing is left to do, and it has not come about: pigs fly"));
}

TEST_CASE("what always holds is checked after each step") {
  const std::string why = failure_of({}, [](simulation& s) {
    int turns = 0;
    auto worker = [&]() -> asio::awaitable<void> {
      for (;;) {
        co_await coppice::sleep_for(1s);
        ++turns;
      }
    };
    s.always("turns stay below three", [&] { return turns < 3; });
    coppice::spawn(s.io(), worker);
    s.run_for(1h);
  });
  CHECK(contains(why, "it does not hold any more: turns stay below three (after 3.000000 s)"));
}

TEST_CASE("what does not hold between two steps of processes is seen, too") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const auto order : {simulated_order::random, simulated_order::priorities}) {
      bool is_broken = false;
      auto worker = [&is_broken]() -> coppice::task<void> {
        is_broken = true;
        co_await coppice::yield();
        is_broken = false;
      };
      const coppice::simulation_options o{.first_seed = seed, .seeds = 1, .order = order};
      const std::string why = failure_of(o, [&](simulation& s) {
        is_broken = false;
        s.always("it is whole", [&] { return !is_broken; });
        coppice::spawn(s.io(), worker);
        s.run();
      });
      CHECK(contains(why, "it does not hold any more: it is whole (after 0.000000 s)"));
      simulate(o, [&](simulation& s) {
        is_broken = false;
        coppice::spawn(s.io(), worker);
        s.run_until("it is broken", [&] { return is_broken; });
        CHECK(is_broken);
        s.run();
      });
    }
  }
}

TEST_CASE("an exception of what is asked after each step fails the play") {
  const std::string why = failure_of({.seeds = 1, .order = simulated_order::random},
                                     [](simulation& s) {
    auto worker = []() -> coppice::task<void> { co_await coppice::yield(); };
    coppice::spawn(s.io(), worker);
    bool is_first = true;
    s.run_until("never", [&]() -> bool {
      if (!std::exchange(is_first, false)) throw std::runtime_error{"asked in vain"};
      return false;
    });
  });
  CHECK(contains(why, "asked in vain"));
}

TEST_CASE("a failure names the seed, what it stands for, the fewest faults and the command") {
  const std::string why = failure_of(
      {.first_seed = 7,
       .network = {.latency_min = 1ms, .latency_max = 1ms},
       .faults = {{.process = "worker", .kind = fault_kind::crash, .chance = 0.1}},
       .draw_faults = false},
      [](simulation& s) {
        if (count(ten_seconds_of_a_worker(s), "crashed") >= 3) s.fail("three crashes");
      });
  CHECK(contains(why, "fails with seed 7: three crashes"));
  CHECK(contains(why, "order: "));
  CHECK(contains(why, "latency: 1000 to 1000 us"));
  CHECK(contains(why, "crash:worker: 0.1"));
  CHECK(contains(why, "COPPICE_SEED=7 COPPICE_FAULTS='crash:worker#"));
  // Three of those crashes are needed, and no more.
  const std::string faults = why.substr(why.find("COPPICE_FAULTS="));
  std::size_t told = 0;
  for (const char c : faults) told += c == '#' ? 1 : 0;
  CHECK(told == 3);
}

TEST_CASE("the variables of a failure play it again") {
  std::size_t crashes = 0;
  std::vector<std::uint64_t> seeds;
  const auto body = [&](simulation& s) {
    seeds.push_back(s.seed());
    crashes = count(ten_seconds_of_a_worker(s), "crashed");
  };
  const environment_variable seed{"COPPICE_SEED", "7"};
  const environment_variable faults{"COPPICE_FAULTS", "crash:worker#10,crash:worker#20"};
  simulate(with_fault(fault_kind::crash, 0.5), body);
  CHECK(seeds == std::vector<std::uint64_t>{7});
  CHECK(crashes == 2);
}

TEST_CASE("the environment says how many seeds are played, and from which on") {
  std::set<std::uint64_t> seeds;
  const environment_variable many{"COPPICE_SEEDS", "3"};
  const environment_variable first{"COPPICE_FIRST_SEED", "20"};
  simulate({}, [&](simulation& s) { seeds.insert(s.seed()); });
  CHECK(seeds == std::set<std::uint64_t>{20, 21, 22});
}

TEST_CASE("a body that takes another course the second time has failed") {
  int plays = 0;
  const std::string why = failure_of({.played_twice = 1}, [&plays](simulation& s) {
    s.run_for(std::chrono::seconds{++plays});
  });
  CHECK(contains(why, "the same seed has taken another course the second time"));
  CHECK(contains(why, "\"time "));
}

TEST_CASE("that a seed takes another course is seen when it is played again, too") {
  int plays = 0;
  const environment_variable seed{"COPPICE_SEED", "10"};
  const std::string why = failure_of({}, [&plays](simulation& s) {
    s.run_for(std::chrono::seconds{++plays});
  });
  CHECK(contains(why, "the same seed has taken another course the second time"));
}

TEST_CASE("options and variables that make no sense are refused, and nothing is played") {
  const auto play = [](const coppice::simulation_options& o) {
    simulate(o, [](simulation&) { FAIL("played"); });
  };
  CHECK_THROWS_WITH_AS(play({.network = {.reset = 1.5}}),
                       "coppice: simulate: the chance of reset has to be from 0 to 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(play({.faults = {{.chance = -1}}}),
                       "coppice: simulate: the chance of a process_fault has to be from 0 to 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      play({.network = {.latency_min = 2ms, .latency_max = 1ms}}),
      "coppice: simulate: latency_min must not be negative, nor above latency_max",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(play({.networks = {{.process = "a", .conditions = {.refuse = -1}}}}),
                       "coppice: simulate: the chance of refuse has to be from 0 to 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(play({.networks = {{}}}),
                       "coppice: simulate: a process_network has to name a process",
                       std::invalid_argument);
  const environment_variable seed{"COPPICE_SEED", "seven"};
  CHECK_THROWS_WITH_AS(play({}),
                       "coppice: COPPICE_SEED has to be a number, which \"seven\" is not",
                       std::invalid_argument);
}
