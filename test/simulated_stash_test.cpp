#include "support/temporary_folder.hpp"

#include <coppice.hpp>
#include <coppice/simulation_doctest.hpp>
#include <coppice/sqlite_stash.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// A stash on disk under faults, with its thread in the simulation: what it has acknowledged is
// there, whoever dies when, and however the program ends.

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using boost::system::error_code;
using coppice::fault_kind;
using coppice::simulation;

namespace {

// Counts, and keeps each number before it gives it. A state is long enough to be caught half
// written.
class counter {
 public:
  struct current {
    using reply = int;
  };
  struct increment {
    using reply = int;
  };

  int handle(current) const { return number_; }
  asio::awaitable<int> handle(increment) {
    const int mine = ++number_;
    auto saving = coppice::this_server::save(*this);
    co_await std::move(saving);
    co_return mine;
  }
  std::string state() const { return text_of(number_); }
  void restore(const std::string& kept) {
    number_ = std::stoi(kept);
    if (kept != text_of(number_)) throw std::runtime_error{"half of it is missing"};
  }

 private:
  static std::string text_of(int n) { return std::to_string(n) + std::string(9'000, ' '); }

  int number_ = 0;
};

// What the clients of a counter know of it.
struct ledger {
  int attempted = 0;
  int acknowledged = 0;
  std::set<int> seen{};
  std::set<std::string> errors{};
};

const std::array keys{"a", "b", "c"};

class books {
 public:
  bool is_quiet = false;

  ledger& of(const std::string& key) { return all_[key]; }
  // A number that was acknowledged is not lost, and none is there that nobody wanted.
  void check(const std::string& key, int found) {
    CHECK(found >= of(key).acknowledged);
    CHECK(found <= of(key).attempted);
  }
  std::set<std::string> errors() {
    std::set<std::string> errors;
    for (const auto& [key, l] : all_) errors.insert(l.errors.begin(), l.errors.end());
    return errors;
  }
  int acknowledged() {
    int sum = 0;
    for (const auto& [key, l] : all_) sum += l.acknowledged;
    return sum;
  }

 private:
  std::map<std::string, ledger> all_;
};

asio::awaitable<void> client(books& all, std::string key, std::chrono::milliseconds pause) {
  const coppice::server_ref<counter> ref{std::string_view{key}};
  ledger& mine = all.of(key);
  while (!all.is_quiet) {
    const int before = mine.acknowledged;
    ++mine.attempted;
    auto incrementing = ref.call(counter::increment{});
    const auto [failed, n] = co_await std::move(incrementing)(asio::as_tuple(asio::use_awaitable));
    if (failed) {
      mine.errors.insert(failed.message());
    } else {
      CHECK(n > before);
      CHECK(n <= mine.attempted);
      CHECK(mine.seen.insert(n).second);
      mine.acknowledged = std::max(mine.acknowledged, n);
    }
    co_await coppice::sleep_for(pause);
  }
}

asio::awaitable<void> reader(books& all, std::string key, int& read) {
  const coppice::server_ref<counter> ref{std::string_view{key}};
  auto asking = ref.call(counter::current{});
  const int found = co_await std::move(asking);
  all.check(key, found);
  ++read;
}

std::vector<coppice::child_spec> stash_and_counters(const fs::path& file) {
  std::vector<coppice::child_spec> children{coppice::sqlite_stash("stash", file)};
  for (const std::string key : keys) {
    children.push_back(coppice::server_with<counter>(
        {.state = coppice::in_sqlite_stash<std::string>("stash")}, key));
  }
  return children;
}

// The counters under a supervisor of their own, so that its death is one more way to lose them.
coppice::supervisor_ref start_shop(asio::io_context& io, const fs::path& file) {
  coppice::supervisor_spec shop{.name = "shop",
                                .strategy = coppice::rest_for_one,
                                .intensity = 1'000'000,
                                .children = stash_and_counters(file)};
  return coppice::start_supervisor(io, {.strategy = coppice::one_for_one,
                                        .intensity = 1'000'000,
                                        .children = {coppice::supervisor(std::move(shop))}});
}

void wait_for_shop(simulation& s, const coppice::supervisor_ref& shop) {
  bool up = false;
  auto ready = shop.ready();
  std::move(ready)([&up](error_code failed) {
    CHECK(!failed);
    up = true;
  });
  s.run_until("the shop has opened", [&up] { return up; });
}

void begin_clients(asio::io_context& io, books& all) {
  for (const std::string key : keys) {
    for (const auto pause : {1ms, 7ms}) {
      coppice::spawn(io, [&all, key, pause] { return client(all, key, pause); }, "client");
    }
  }
}

void read_all(simulation& s, books& all) {
  int read = 0;
  for (const std::string key : keys) {
    coppice::spawn(s.io(), [&all, key, &read] { return reader(all, key, read); }, "reader");
  }
  s.run_until("all is read", [&read] { return read == int{keys.size()}; });
}

void stop(simulation& s, const coppice::supervisor_ref& shop) {
  shop.stop()([](error_code) {});
  s.run();
}

coppice::simulation_options bad_weather() {
  std::vector<coppice::process_fault> faults;
  for (const fault_kind kind : {fault_kind::crash, fault_kind::kill, fault_kind::late}) {
    faults.push_back({.process = "stash", .kind = kind, .chance = 0.02});
    for (const char* key : keys) faults.push_back({.process = key, .kind = kind, .chance = 0.02});
  }
  faults.push_back({.process = "shop", .kind = fault_kind::crash, .chance = 0.02});
  faults.push_back({.process = "shop", .kind = fault_kind::kill, .chance = 0.02});
  return {.seeds = 100, .threads = {.interruption = 0.02}, .faults = std::move(faults)};
}

}  // namespace

TEST_CASE("what a stash has acknowledged is there, whoever dies, and in the next program too") {
  coppice::simulate(bad_weather(), [](simulation& s) {
    const temporary_folder home{memory_folder()};
    books all;
    s.end_faults();
    const auto shop = start_shop(s.io(), home.path / "states");
    wait_for_shop(s, shop);
    s.begin_faults();
    begin_clients(s.io(), all);
    s.run_for(std::chrono::milliseconds{200 + s.draw(1'000)});
    all.is_quiet = true;
    s.end_faults();
    s.run_for(1min);
    read_all(s, all);
    stop(s, shop);

    const auto next = start_shop(s.io(), home.path / "states");
    wait_for_shop(s, next);
    read_all(s, all);
    stop(s, next);
  });
}

TEST_CASE("without faults each write is acknowledged, and no time is lost") {
  coppice::simulate({.seeds = 30}, [](simulation& s) {
    const temporary_folder home{memory_folder()};
    books all;
    const auto shop = start_shop(s.io(), home.path / "states");
    wait_for_shop(s, shop);
    begin_clients(s.io(), all);
    s.run_for(300ms);
    all.is_quiet = true;
    s.run_for(1s);
    CHECK(all.errors().empty());
    CHECK(all.acknowledged() > 0);
    for (const std::string key : keys) {
      CHECK(all.of(key).acknowledged == all.of(key).attempted);
    }
    stop(s, shop);
  });
}

TEST_CASE("what was acknowledged is there after a program that has ended in the middle of it") {
  coppice::simulate({.seeds = 100, .threads = {.interruption = 0.05}}, [](simulation& s) {
    const temporary_folder home{memory_folder()};
    books all;
    {
      asio::io_context killed{1};
      coppice::set_report_sink(killed, [](const coppice::report&) {});
      start_shop(killed, home.path / "states");
      begin_clients(killed, all);
      killed.run_for(std::chrono::microseconds{20'000 + s.draw(300'000)});
    }
    const auto next = start_shop(s.io(), home.path / "states");
    wait_for_shop(s, next);
    read_all(s, all);
    stop(s, next);
  });
}

TEST_CASE("what was acknowledged is in the files at any moment: whoever has copies of them then") {
  coppice::simulate({.seeds = 100, .threads = {.interruption = 0.05}}, [](simulation& s) {
    const temporary_folder home{memory_folder()};
    const temporary_folder copies{memory_folder()};
    books all;
    const auto shop = start_shop(s.io(), home.path / "states");
    wait_for_shop(s, shop);
    begin_clients(s.io(), all);
    s.run_for(std::chrono::microseconds{20'000 + s.draw(300'000)});
    for (const char* const name : {"states", "states-wal"}) {
      fs::copy_file(home.path / name, copies.path / name);
    }
    books then = all;
    all.is_quiet = true;
    stop(s, shop);

    const auto next = start_shop(s.io(), copies.path / "states");
    wait_for_shop(s, next);
    read_all(s, then);
    stop(s, next);
  });
}
