#include "support/ending.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using coppice::server_ref;
namespace sys = coppice::sys;

namespace {

class lamp {
 public:
  struct toggle {};
  struct wait {
    using reply = void;
  };

  explicit lamp(bool on) : on_{on} {}
  asio::awaitable<void> init() {
    co_await coppice::sleep_for(1s);
    if (on_) throw std::runtime_error{"burnt out"};
  }
  void handle(toggle) { on_ = !on_; }
  asio::awaitable<void> handle(wait) { co_await coppice::sleep_for(1h); }

  [[nodiscard]] bool on() const { return on_; }
  void set(bool on) { on_ = on; }
  friend std::string describe(const lamp& l) { return l.on_ ? "on" : "off"; }

 private:
  bool on_;
};

struct room : world {
  // How a start with that limit went.
  std::string start(bool burnt_out, coppice::time_limit limit) {
    ref.emplace(coppice::start_server<lamp>(io, "lamp", burnt_out));
    auto starting = ref->ready(limit);
    std::string result = "nothing";
    starting([&](const boost::system::error_code& ec) {
      result = ec.message() + ": " + starting.failure().to_string();
    });
    clock.advance(10s);
    return result;
  }
  std::optional<server_ref<lamp>> ref;
};

}  // namespace

// GS-37, INIT-06
TEST_CASE("whoever starts a server can wait until it is up") {
  room w;
  SUBCASE("which it may be in time") {
    CHECK(w.start(false, 5s) == "Success: normal");
    CHECK(w.ref->whereis());
  }
  SUBCASE("or not at all") {
    CHECK(w.start(true, 5s) == "it ended before it had answered: std::runtime_error: burnt out");
  }
}

TEST_CASE("a server that takes longer to start than it may is killed") {
  room w;
  CHECK(w.start(false, 500ms) == "time ran out: normal");
  CHECK_FALSE(w.ref->whereis());
}

TEST_CASE("a server that was there is not killed by a wait for its start") {
  room w;
  w.start(false, coppice::infinity);
  w.ref->call(lamp::wait{}, coppice::infinity)([](auto) {});
  w.clock.settle();
  std::string result;
  w.ref->ready(1s)([&result](const boost::system::error_code& ec) { result = ec.message(); });
  w.clock.advance(2s);
  CHECK(result == "time ran out");
  CHECK(w.ref->whereis());
}

// GS-40
TEST_CASE("the state of a server can be read and replaced from outside") {
  room w;
  w.start(false, coppice::infinity);
  std::string log;
  const auto look = [&]() -> asio::awaitable<void> {
    auto looking = sys::get_state(*w.ref, [](const lamp& l) { return l.on(); });
    log += (co_await looking.result()) ? "on " : "off ";
    auto changing = sys::replace_state(*w.ref, [](lamp& l) { l.set(true); });
    co_await changing.result();
    auto again = sys::get_state(*w.ref, [](const lamp& l) { return l.on(); });
    log += (co_await again.result()) ? "on" : "off";
  };
  coppice::spawn(w.io, look);
  w.clock.settle();
  CHECK(log == "off on");
}

TEST_CASE("what such a function throws ends the server, and the caller hears of it") {
  room w;
  w.start(false, coppice::infinity);
  const ending end{w.ref->whereis()};
  auto looking = sys::get_state(*w.ref, [](const lamp&) -> int {
    throw std::runtime_error{"too close"};
  });
  looking.result()([](auto, int) {});
  w.clock.settle();
  CHECK(end.text() == "std::runtime_error: too close");
  CHECK(looking.failure().what() == "too close");
}

// GS-40
TEST_CASE("the status of a server tells its state, queue and calls, busy or not") {
  room w;
  CHECK_FALSE(sys::get_status({w.io, "lamp"}));
  w.ref.emplace(coppice::start_server<lamp>(w.io, "lamp", false));
  w.clock.settle();
  CHECK_FALSE(sys::get_status(w.ref->whereis()));  // not up yet
  w.clock.advance(1s);
  w.ref->call(lamp::wait{}, coppice::infinity)([](auto) {});
  w.clock.settle();
  w.ref->cast(lamp::toggle{});
  w.ref->cast(lamp::toggle{});
  w.clock.settle();
  const auto status = sys::get_status({w.io, "lamp"});
  REQUIRE(status);
  CHECK(status->name == "lamp");
  CHECK(status->state == "off");
  CHECK(status->queue_length == 2);
  CHECK(status->calls_pending == 1);
}

TEST_CASE("a process that is no server has no status") {
  room w;
  const auto p = coppice::spawn(w.io, []() -> asio::awaitable<void> {
    co_await coppice::sleep_for(1h);
  });
  w.clock.settle();
  CHECK_FALSE(sys::get_status(p));
}

TEST_CASE(
    "neither waiting for its start nor looking into it disturbs a server that waits for nothing") {
  struct sleeper {
    explicit sleeper(std::string* l) : log{l} {}
    void init() { coppice::this_server::idle_after(1s); }
    void handle(coppice::idle_timeout) { *log += "idle "; }
    std::string* log;
  };
  world w;
  std::string log;
  const auto ref = coppice::start_server<sleeper>(w.io, "sleeper", &log);
  ref.ready()([](auto) {});
  w.clock.advance(500ms);
  auto looking = sys::get_state(ref, [](const sleeper&) { return 1; });
  looking.result()([](auto, auto) {});
  w.clock.advance(499ms);
  CHECK(log.empty());
  w.clock.advance(1ms);
  CHECK(log == "idle ");
}
