#include "support/coroutine.hpp"
#include "support/world.hpp"

#include <coppice/link.hpp>
#include <coppice/server.hpp>
#include <coppice/this_server.hpp>

#include <doctest/doctest.h>

#include <boost/system/system_error.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

// A call of a server that has nothing else to do is handled within the turn of the caller. Nobody
// is to notice: not the handler, not the caller, and not those that have been ready for longer.

namespace {

using boost::system::system_error;
using coppice::errc;
using coppice::exit_reason;
using coppice::pid;

class sums {
 public:
  struct add {
    using reply = int;
    int n;
  };
  struct who {
    using reply = pid;
  };
  struct end {
    using reply = int;
    pid process;
    exit_reason reason;
  };
  struct fail {
    using reply = int;
  };
  struct later {
    using reply = int;
  };
  struct leave {
    using reply = int;
  };

  int handle(add m) { return sum_ += m.n; }
  pid handle(who) { return coppice::self(); }
  int handle(const end& m) {
    coppice::exit(m.process, m.reason);
    return 1;
  }
  int handle(fail) { throw std::runtime_error{"no more sums"}; }
  void handle(later, coppice::reply_to<int> to) { waiting_.push_back(std::move(to)); }
  int handle(leave) {
    coppice::this_server::stop();
    return 2;
  }
  void handle(int n) {
    for (auto& to : waiting_) std::move(to)(n);
    waiting_.clear();
  }

 private:
  int sum_ = 0;
  std::vector<coppice::reply_to<int>> waiting_;
};

struct scene : world {
  scene() { clock.settle(); }
  template <class Body>
  pid run(Body body) {
    const pid p = coppice::spawn(io, std::move(body));
    clock.settle();
    return p;
  }

  coppice::server_ref<sums> server = coppice::start_server<sums>(io, "sums");
  std::string said;
};

std::string error_of(const system_error& e) { return e.code().message(); }

}  // namespace

TEST_CASE("a handler runs as its server, and the caller goes on as itself") {
  scene s;
  bool right = false;
  const auto body = [&]() -> coroutine<> {
    const pid me = coppice::self();
    const pid handled_by = co_await s.server.call(sums::who{});
    right = handled_by == s.server.whereis() && coppice::self() == me && handled_by != me;
  };
  s.run(body);
  CHECK(right);
}

TEST_CASE("a handler may kill its caller") {
  scene s;
  const auto alive = std::make_shared<int>();
  const auto body = [&s, alive]() -> coroutine<> {
    const auto kept = alive;
    const sums::end kill{coppice::self(), exit_reason::kill()};
    co_await s.server.call(kill);
    s.said = "went on";
  };
  const pid caller = s.run(body);
  CHECK(s.said.empty());
  CHECK_FALSE(caller.alive());
  CHECK(alive.use_count() == 2);  // this one, and that of `body`
  CHECK(s.server.whereis());
}

TEST_CASE("a handler may ask its caller to stop: the call is cancelled") {
  scene s;
  const auto body = [&s]() -> coroutine<> {
    const sums::end stop{coppice::self(), exit_reason::shutdown()};
    try {
      co_await s.server.call(stop);
      s.said = "answered";
    } catch (const system_error& e) {
      s.said = e.code() == asio::error::operation_aborted ? "cancelled" : error_of(e);
    }
  };
  s.run(body);
  CHECK(s.said == "cancelled");
}

TEST_CASE("a server that kills itself has answered by the time that it ends") {
  scene s;
  int answer = 0;
  const auto body = [&]() -> coroutine<> {
    const sums::end kill{s.server.whereis(), exit_reason::kill()};
    answer = co_await s.server.call(kill);
  };
  s.run(body);
  CHECK(answer == 1);
  CHECK_FALSE(s.server.whereis());
}

TEST_CASE("a handler that throws fails the call, and ends the server alone") {
  scene s;
  const auto body = [&s]() -> coroutine<> {
    auto calling = s.server.call(sums::fail{});
    try {
      co_await calling.result();
    } catch (const system_error& e) {
      s.said = error_of(e) + ": " + calling.failure().what();
    }
  };
  s.run(body);
  CHECK(s.said == make_error_code(errc::died).message() + ": no more sums");
  CHECK_FALSE(s.server.whereis());
}

TEST_CASE("an answer that comes later, and one before the server stops, arrive") {
  scene s;
  int sum = 0;
  const auto body = [&]() -> coroutine<> {
    sum += co_await s.server.call(sums::later{});
    sum += co_await s.server.call(sums::leave{});
  };
  s.run(body);
  CHECK(sum == 0);
  s.server.cast(40);
  s.clock.settle();
  CHECK(sum == 42);
  CHECK_FALSE(s.server.whereis());
}

TEST_CASE("messages that came before a call are handled before it") {
  scene s;
  int sum = 0;
  const auto body = [&]() -> coroutine<> {
    const auto first = s.server.send_request(sums::add{1});
    sum = co_await s.server.call(sums::add{10});
  };
  s.run(body);
  CHECK(sum == 11);
}

TEST_CASE("who calls an idle server again and again lets others have their turns") {
  scene s;
  bool done = false;
  int calls = 0;
  const auto caller = [&]() -> coroutine<> {
    while (!done && calls < 10'000) {
      calls = co_await s.server.call(sums::add{1});
    }
  };
  const auto other = [&]() -> coroutine<> {
    done = true;
    co_return;
  };
  coppice::spawn(s.io, caller);
  coppice::spawn(s.io, other);
  s.clock.settle();
  CHECK(done);
  CHECK(calls > 0);
  CHECK(calls < 100);
}

TEST_CASE("a call that was made is not made again: who awaits it twice ends by that") {
  scene s;
  const auto body = [&s]() -> coroutine<> {
    auto calling = s.server.call(sums::add{1});
    co_await calling.result();
    s.said = "once";
    co_await calling.result();
    s.said = "twice";
  };
  s.run(body);
  CHECK(s.said == "once");
  REQUIRE(s.reports.size() == 1);
  CHECK(s.reports.front().find("coppice: this call was made already") != std::string::npos);
}

TEST_CASE("a process that runs its loop from within stays itself when another one exits there") {
  scene s;
  bool right = false;
  const auto inner = []() -> coroutine<> { co_await coppice::exit(exit_reason::kill()); };
  const auto outer = [&]() -> coroutine<> {
    const pid me = coppice::self();
    coppice::spawn(inner);
    s.io.poll();
    right = coppice::self() == me;
    co_return;
  };
  s.run(outer);
  CHECK(right);
}
