#include <coppice/operation.hpp>
#include <coppice/time_limit.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using boost::system::error_code;
using coppice::completion_signature;
using coppice::infinity;
using coppice::operation;
using coppice::time_limit;

namespace {

struct keeper {
  struct ask {
    using reply = std::string;
  };
  struct note {
    using reply = void;
    std::string text{};
  };
  void handle(const ask&, coppice::reply_to<std::string> r) { asked.push_back(std::move(r)); }
  void handle(const note&) {}
  std::vector<coppice::reply_to<std::string>> asked;
};

using asking = decltype(std::declval<coppice::server_ref<keeper>>().call(keeper::ask{}));
using noting = decltype(std::declval<coppice::server_ref<keeper>>().call(keeper::note{}));
using waiting = decltype(std::declval<asio::steady_timer&>().async_wait(asio::deferred));

static_assert(operation<asking, void(error_code, std::string)>);
static_assert(!operation<asking, void(error_code)>);
static_assert(operation<noting, void(error_code)>);
static_assert(operation<waiting, void(error_code)>);
static_assert(!operation<int, void(error_code)>);
static_assert(std::same_as<completion_signature<int>, void(error_code, int)>);
static_assert(std::same_as<completion_signature<void>, void(error_code)>);

static_assert(time_limit{1s}.time() == 1s && !time_limit{1s}.is_infinity());
static_assert(time_limit{infinity}.is_infinity() && time_limit{infinity} != time_limit{1h});
static_assert(time_limit{std::chrono::hours::max()} == time_limit{infinity});
static_assert(time_limit{std::chrono::hours::min()}.time() == time_limit::duration::min());
static_assert(!std::convertible_to<std::nullopt_t, time_limit>);
static_assert(!std::convertible_to<std::chrono::duration<double>, time_limit>);
static_assert(!std::convertible_to<int, time_limit>);
static_assert(!std::default_initializable<time_limit>);

// Begins an operation, cancels it, and tells what it completes with.
template <class Value>
std::optional<std::pair<error_code, Value>> cancelled(world& w,
                                                      operation<void(error_code, Value)> auto op) {
  std::optional<std::pair<error_code, Value>> result;
  asio::cancellation_signal signal;
  std::move(op)(asio::bind_cancellation_slot(
      signal.slot(), [&result](error_code ec, Value v) { result.emplace(ec, std::move(v)); }));
  w.clock.settle();
  signal.emit(asio::cancellation_type::terminal);
  w.clock.settle();
  return result;
}

}  // namespace

TEST_CASE("an operation begins when it is awaited, and not before") {
  world w;
  int sum = 0;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    auto taking = box.receive();
    box.get_address().send(1);
    sum += box.try_receive().value_or(0);
    box.get_address().send(2);
    sum += 10 * co_await std::move(taking);
  });
  w.clock.settle();
  CHECK(sum == 21);
}

TEST_CASE("an operation that is no more than a wait may be begun more than once") {
  world w;
  std::vector<int> got;
  coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    auto taking = box.receive();
    box.get_address().send(1);
    box.get_address().send(2);
    auto again = taking;
    got.push_back(co_await std::move(taking));
    got.push_back(co_await std::move(again));
  });
  w.clock.settle();
  CHECK(got == std::vector<int>{1, 2});
}

TEST_CASE(
    "what is cancelled completes with operation_aborted, and a value made without arguments") {
  world w;
  const auto aborted = error_code{asio::error::operation_aborted};
  const auto server = coppice::start_server<keeper>(w.io, "keeper");
  w.clock.settle();
  SUBCASE("a call") {
    CHECK(cancelled<std::string>(w, server.call(keeper::ask{})) ==
          std::pair{aborted, std::string{}});
  }
  SUBCASE("a wait for the answer to an earlier call") {
    auto sent = server.send_request(keeper::ask{});
    CHECK(cancelled<bool>(w, sent.wait_response()) == std::pair{aborted, false});
    CHECK(cancelled<std::string>(w, sent.receive_response()) == std::pair{aborted, std::string{}});
  }
  SUBCASE("a wait for the end of a process") {
    const auto told = cancelled<coppice::exit_reason>(w, coppice::await_exit(server.whereis()));
    REQUIRE(told.has_value());
    CHECK(told->first == aborted);
    CHECK(told->second == coppice::exit_reason{});
  }
}

TEST_CASE("an operation of another io_context completes through the executor of its handler") {
  world w;
  asio::io_context other;
  std::optional<error_code> told;
  const auto server = coppice::start_server<keeper>(w.io, "keeper");
  w.clock.settle();
  server.stop()(asio::bind_executor(other.get_executor(), [&](error_code ec) { told = ec; }));
  w.clock.settle();
  CHECK_FALSE(told.has_value());
  other.run();
  CHECK(told == error_code{});
}
