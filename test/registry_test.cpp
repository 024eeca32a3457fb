#include "support/world.hpp"

#include <coppice/registry.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using coppice::duplicate_registry;
using coppice::pid;
using coppice::unique_registry;

namespace {

// Processes that do what they are told, and live until they are killed.
struct town : world {
  pid start(std::function<void()> first) {
    const auto body = [first = std::move(first)]() -> asio::awaitable<void> {
      first();
      co_await coppice::sleep_for(24h);
    };
    const pid p = coppice::spawn(io, body);
    clock.settle();
    return p;
  }
  void end(const pid& p) {
    coppice::kill(p);
    clock.settle();
  }
};

using ages = unique_registry<std::string, int>;
using topics = duplicate_registry<std::string, int>;

}  // namespace

// REG-01, REG-03, REG-04, REG-26
TEST_CASE("in a unique registry a key belongs to one process") {
  town w;
  ages r{w.io};
  std::vector<coppice::register_result> results;
  const auto join = [&](int age) {
    return [&, age] { results.push_back(r.register_self("ann", age)); };
  };
  const pid first = w.start(join(30));
  const pid second = w.start(join(40));
  const pid third = w.start([&] {
    results.push_back(r.register_self("bob", 1));
    results.push_back(r.register_self("bob", 2));
  });
  REQUIRE(results.size() == 4);
  CHECK(results[0]);
  CHECK(results[0].holder == first);
  CHECK_FALSE(results[1]);
  CHECK(results[1].holder == first);
  CHECK_FALSE(results[3]);
  CHECK(results[3].holder == third);
  CHECK(r.lookup("ann")->value == 30);
  CHECK(r.lookup("bob")->value == 1);
  CHECK_FALSE(r.lookup("cid"));
  CHECK(r.count() == 2);
  CHECK(r.keys(second).empty());
}

// REG-02, REG-05, REG-13
TEST_CASE("in a duplicate registry any number of entries share a key") {
  town w;
  topics r{w.io};
  const pid a = w.start([&] {
    r.register_self("news", 1);
    r.register_self("news", 2);
    r.register_self("sport", 3);
  });
  const pid b = w.start([&] { r.register_self("news", 4); });
  CHECK(r.lookup("news") == std::vector<coppice::registry_entry<int>>{{a, 1}, {a, 2}, {b, 4}});
  CHECK(r.values("news", a) == std::vector<int>{1, 2});
  CHECK(r.keys(b) == std::vector<std::string>{"news"});
  CHECK(r.keys(a).size() == 3);
  CHECK(r.count() == 4);
  CHECK(r.lookup("none").empty());
}

// REG-06
TEST_CASE("a process gives up its own entries under a key, and nobody else's") {
  town w;
  topics r{w.io};
  const pid a = w.start([&] { r.register_self("news", 1); });
  w.start([&] {
    r.register_self("news", 2);
    r.register_self("news", 3);
    r.register_self("sport", 4);
    r.unregister("news");
    r.unregister("nothing");
  });
  CHECK(r.lookup("news") == std::vector<coppice::registry_entry<int>>{{a, 1}});
  CHECK(r.count() == 2);
}

// REG-07, REG-08, NAME-03
TEST_CASE("the entries of a process are gone before anybody hears of its death") {
  town w;
  ages r{w.io};
  const auto join = [&] { static_cast<void>(r.register_self("ann", 1)); };
  const pid first = w.start(join);
  std::optional<bool> taken;
  w.start([&] {
    coppice::await_exit(first)([&](const boost::system::error_code&, const auto&) {
      taken = r.lookup("ann").has_value();
    });
  });
  w.end(first);
  CHECK(taken == false);
  CHECK(r.count() == 0);
  const pid second = w.start(join);
  CHECK(r.whereis("ann") == second);
}

// REG-09
TEST_CASE("the holder of a unique key replaces its value, others do not") {
  town w;
  ages r{w.io};
  std::vector<std::optional<int>> results;
  const auto older = [](const int& age) { return age + 1; };
  w.start([&] {
    static_cast<void>(r.register_self("ann", 30));
    results.push_back(r.update_value("ann", older));
  });
  w.start([&] { results.push_back(r.update_value("ann", older)); });
  CHECK(results == std::vector<std::optional<int>>{31, std::nullopt});
  CHECK(r.lookup("ann")->value == 31);
}

// REG-10
TEST_CASE("dispatch calls with all entries of a key, which may change meanwhile") {
  town w;
  topics r{w.io};
  w.start([&] {
    r.register_self("news", 1);
    r.register_self("news", 2);
    int sum = 0;
    r.dispatch("news", [&](const auto& entries) {
      r.unregister("news");
      for (const auto& e : entries) sum += e.value;
    });
    CHECK(sum == 3);
    r.dispatch("news", [&](const auto&) { sum = -1; });
    CHECK(sum == 3);
  });
}

// REG-12
TEST_CASE("listeners hear who registers and unregisters, not who dies") {
  town w;
  ages r{w.io};
  std::string heard;
  r.listen([&](const coppice::registry_event<std::string>& e) {
    heard +=
        (e.kind == coppice::registry_event<std::string>::kind_type::registered ? "+" : "-") + e.key;
  });
  w.start([&] {
    static_cast<void>(r.register_self("ann", 1));
    r.unregister("ann");
    r.unregister("ann");
  });
  w.end(w.start([&] { static_cast<void>(r.register_self("bob", 1)); }));
  CHECK(heard == "+ann-ann+bob");
  CHECK_THROWS_AS(r.listen({}), std::invalid_argument);
}

// REG-16, NAME-09
TEST_CASE("a server is found by its key, also after a restart") {
  struct room {
    struct name {
      using reply = std::string;
    };
    struct burn {};
    room(unique_registry<int>* r, int number) : number_{number} {
      static_cast<void>(r->register_self(number));
    }
    std::string handle(name) { return "room " + std::to_string(number_); }
    void handle(burn) { throw std::runtime_error{"fire"}; }
    int number_;
  };
  town w;
  unique_registry<int> rooms{w.io};
  coppice::start_supervisor(w.io, {.strategy = coppice::one_for_one,
                                   .children = {coppice::server<room>("one", &rooms, 1),
                                                coppice::server<room>("two", &rooms, 2)}});
  w.clock.settle();
  const coppice::server_ref<room> two{rooms.via(2)};
  const pid before = two.whereis();
  std::string answer;
  const auto ask = [&] {
    two.call(room::name{})([&](const boost::system::error_code& ec, std::string name) {
      answer = ec ? ec.message() : name;
    });
    w.clock.settle();
  };
  ask();
  CHECK(answer == "room 2");
  two.cast(room::burn{});
  w.clock.settle();
  CHECK(two.whereis() != before);
  ask();
  CHECK(answer == "room 2");
  const coppice::server_ref<room> three{rooms.via(3)};
  three.call(room::name{})(
      [&](const boost::system::error_code& ec, const auto&) { answer = ec.message(); });
  w.clock.settle();
  CHECK(answer == "no such process");
}

// REG-03
TEST_CASE("only a process registers") {
  town w;
  ages r{w.io};
  CHECK_THROWS_AS(static_cast<void>(r.register_self("ann", 1)), std::logic_error);
  CHECK_THROWS_AS(r.unregister("ann"), std::logic_error);
}

TEST_CASE("a registry may go before its processes, and after them") {
  auto r = std::make_unique<town>();
  auto early = std::make_unique<ages>(r->io);
  ages late{r->io};
  r->start([&] {
    static_cast<void>(early->register_self("ann", 1));
    static_cast<void>(late.register_self("ann", 1));
  });
  early.reset();
  r.reset();
  CHECK(late.count() == 1);
  CHECK_FALSE(late.via("ann").whereis());
  CHECK_THROWS_AS(static_cast<void>(late.register_self("bob", 1)), std::logic_error);
}
