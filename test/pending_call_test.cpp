#include "support/coroutine.hpp"
#include "support/world.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::server_ref;

namespace {

// Answers after a while, with what it was asked.
class echo {
 public:
  struct say {
    using reply = std::string;
    std::string text;
    std::chrono::milliseconds after{};
  };
  struct note {
    using reply = void;
  };
  struct crash {
    using reply = void;
  };

  void handle(const say& m, coppice::reply_to<std::string> answer) {
    coppice::spawn([m, a = std::make_shared<coppice::reply_to<std::string>>(
                           std::move(answer))]() -> coroutine<> {
      co_await coppice::sleep_for(m.after);
      if (!m.text.empty()) std::move (*a)(m.text);
    });
  }
  void handle(note) {}
  void handle(crash) { throw std::runtime_error{"crash"}; }
};

struct hall : world {
  server_ref<echo> start() {
    auto ref = coppice::start_server<echo>(io, "echo");
    clock.settle();
    return ref;
  }
  template <class F>
  void run(F f) {
    coppice::spawn(io, std::move(f));
    clock.settle();
  }
  std::string log;
};

}  // namespace

// GS-38
TEST_CASE("a request is sent at once, and its answer is fetched later") {
  hall w;
  const auto ref = w.start();
  auto request = ref.send_request(echo::say{"hello"});
  w.clock.settle();
  w.run([&]() -> coroutine<> {
    auto receiving = request.receive_response();
    w.log = co_await std::move(receiving);
  });
  CHECK(w.log == "hello");
}

TEST_CASE("the answer to a request can be looked for without waiting") {
  hall w;
  const auto ref = w.start();
  auto request = ref.send_request(echo::say{"hello", 1s});
  w.clock.settle();
  CHECK_FALSE(request.check_response());
  w.clock.advance(1s);
  const auto found = request.check_response();
  REQUIRE(found);
  CHECK(found->value() == "hello");
  CHECK_THROWS_AS(static_cast<void>(request.check_response()), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(request.receive_response()), std::logic_error);
}

TEST_CASE("waiting for an answer can be repeated; receiving it gives up in the end") {
  hall w;
  const auto ref = w.start();
  auto request = ref.send_request(echo::say{"hello", 10s});
  w.run([&]() -> coroutine<> {
    auto first = request.wait_response(1s);
    w.log += (co_await std::move(first)) ? "there " : "not yet ";
    auto second = request.receive_response(1s);
    try {
      w.log += co_await std::move(second);
    } catch (const boost::system::system_error& e) {
      w.log += e.code().message();
    }
  });
  w.clock.advance(1s);
  CHECK(w.log == "not yet ");
  w.clock.advance(1s);
  CHECK(w.log == "not yet time ran out");
  CHECK_THROWS_AS(static_cast<void>(request.check_response()), std::logic_error);
  w.clock.advance(10s);  // the answer comes, and is thrown away
}

TEST_CASE("what is in the way of an answer is told when it is fetched") {
  hall w;
  const auto ref = w.start();
  SUBCASE("the server dies") {
    auto request = ref.send_request(echo::crash{});
    w.clock.settle();
    const auto found = request.check_response();
    REQUIRE(found);
    CHECK(found->error() == errc::died);
    CHECK(request.failure().what() == "crash");
  }
  SUBCASE("there is none") {
    auto request = server_ref<echo>{w.io, "nobody"}.send_request(echo::note{});
    CHECK(request.check_response()->error() == errc::noproc);
  }
  SUBCASE("it does not answer") {
    auto request = ref.send_request(echo::say{""});
    w.clock.settle();
    CHECK(request.check_response()->error() == errc::no_reply);
  }
}

TEST_CASE("a request that is dropped is answered to nobody") {
  hall w;
  const auto ref = w.start();
  { auto request = ref.send_request(echo::say{"hello", 1s}); }
  w.clock.advance(2s);
  CHECK(ref.whereis());
}

TEST_CASE("a killed process drops the wait for an answer") {
  hall w;
  const auto ref = w.start();
  auto request = ref.send_request(echo::say{"hello", 1s});
  const auto waiting = coppice::spawn(w.io, [&]() -> coroutine<> {
    auto receiving = request.receive_response();
    w.log = co_await std::move(receiving);
  });
  w.clock.settle();
  coppice::kill(waiting);
  w.clock.advance(1s);
  CHECK(w.log.empty());
  CHECK(request.check_response()->value() == "hello");
}

// GS-38
TEST_CASE("a set of requests gives the answers in the order in which they come, with labels") {
  hall w;
  const auto ref = w.start();
  w.run([&]() -> coroutine<> {
    coppice::request_set<std::string, int> set;
    for (int i = 3; i > 0; --i) {
      set.add(i, ref.send_request(echo::say{std::string(1, static_cast<char>('a' + i)), i * 1s}));
    }
    set.add(4, server_ref<echo>{"nobody"}.send_request(echo::say{"x"}));
    for (;;) {
      auto receiving = set.receive_response();
      const auto r = co_await std::move(receiving);
      if (!r) break;
      w.log += std::to_string(r->label) + ':' +
               (r->result ? r->result.value() : r->result.error().message()) + ' ';
    }
    w.log += "empty";
  });
  w.clock.advance(3s);
  CHECK(w.log == "4:no such process 1:b 2:c 3:d empty");
}

TEST_CASE("waiting for a set has a time limit, after which the requests go on") {
  hall w;
  const auto ref = w.start();
  w.run([&]() -> coroutine<> {
    coppice::request_set<std::string> set;
    set.add(0, ref.send_request(echo::say{"late", 10s}));
    auto receiving = set.receive_response(1s);
    try {
      co_await std::move(receiving);
    } catch (const boost::system::system_error& e) {
      w.log += e.code().message() + ' ';
    }
    auto again = set.receive_response();
    const auto r = co_await std::move(again);
    w.log += r->result.value();
  });
  w.clock.advance(10s);
  CHECK(w.log == "time ran out late");
}

TEST_CASE("a set tells how a server died, and may go before its answers come") {
  hall w;
  const auto ref = w.start();
  coppice::request_set<void> set;
  {
    coppice::request_set<std::string> dropped;
    dropped.add(0, ref.send_request(echo::say{"hello", 1s}));
  }
  set.add(7, ref.send_request(echo::crash{}));
  w.clock.settle();
  const auto r = set.check_response();
  REQUIRE(r);
  CHECK(r->label == 7);
  CHECK(r->failure.what() == "crash");
  CHECK(set.size() == 0);
  CHECK_FALSE(set.check_response());
}

// GS-43
TEST_CASE("a set of ten thousand requests is as quick as ten thousand requests") {
  hall w;
  const auto ref = w.start();
  coppice::request_set<void> set;
  for (std::size_t i = 0; i < 10'000; ++i) set.add(i, ref.send_request(echo::note{}));
  w.clock.settle();
  std::size_t next = 0;
  bool in_order = true;
  while (const auto r = set.check_response()) in_order = in_order && r->label == next++;
  CHECK(in_order);
  CHECK(next == 10'000);
}

TEST_CASE("who begins to wait for an answer takes the place of who waits already") {
  hall w;
  const auto ref = w.start();
  std::optional<coppice::pending_call<std::string>> request;
  coppice::request_set<std::string> set;
  w.run([&]() -> coroutine<> {
    request.emplace(ref.send_request(echo::say{"one", 5000ms}));
    set.add(2, ref.send_request(echo::say{"two", 5000ms}));
    co_return;
  });
  const auto note = [&w](const std::string& who) {
    return [&w, who](const boost::system::error_code& ec, auto...) {
      w.log += who + (ec ? ":aborted " : ":there ");
    };
  };
  request->wait_response(1s)(note("first"));
  set.receive_response(1s)(note("first of set"));
  w.clock.settle();
  request->wait_response()(note("second"));
  set.receive_response()(note("second of set"));
  w.clock.settle();
  CHECK(w.log == "first:aborted first of set:aborted ");
  w.log.clear();
  w.clock.advance(5s);
  CHECK(w.log == "second:there second of set:there ");
}

TEST_CASE(
    "a request that lost a race against time can be waited for again, as long as it is there") {
  using namespace asio::experimental::awaitable_operators;
  hall w;
  const auto ref = w.start();
  w.run([&]() -> coroutine<> {
    auto request = ref.send_request(echo::say{"late", 10'000ms});
    auto first = request.receive_response();
    auto race =
        std::move(first)(asio::use_awaitable) || coppice::sleep_for(1s)(asio::use_awaitable);
    const auto raced = co_await std::move(race);
    w.log += std::to_string(raced.index()) + ' ';
    auto moved = std::move(request);
    CHECK(request.failure() == coppice::exit_reason::normal());
    CHECK_THROWS_AS((void)request.check_response(), std::logic_error);
    auto again = moved.receive_response();
    w.log += co_await std::move(again);
  });
  w.clock.advance(10s);
  CHECK(w.log == "1 late");
}
