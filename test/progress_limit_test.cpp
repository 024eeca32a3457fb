#include "support/coroutine.hpp"
#include "support/refusal.hpp"
#include "support/scripted.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <variant>

// A child that makes no progress is hung, and is restarted.

using coppice::one_for_one;
using coppice::supervisor_spec;

namespace {

// Counts who lives, so that it can be seen when frames go.
struct census {
  int starts = 0;
  int alive = 0;
};
struct citizen {
  explicit citizen(census& c) : of{c} {
    ++of.starts;
    ++of.alive;
  }
  citizen(const citizen&) = delete;
  citizen& operator=(const citizen&) = delete;
  ~citizen() { --of.alive; }
  census& of;
};

struct limited : world {
  template <class Body>
  coppice::supervisor_ref run(Body body, coppice::time_limit limit = 10s) {
    const auto top = coppice::start_supervisor(
        io, supervisor_spec{.name = "top",
                            .strategy = one_for_one,
                            .children = {coppice::worker("a", std::move(body))
                                             .with_progress_limit(limit)}});
    clock.settle();
    return top;
  }
  std::size_t told(const std::string& text) const {
    std::size_t n = 0;
    for (const std::string& r : reports) n += r.find(text) != std::string::npos ? 1 : 0;
    return n;
  }

  census all;
};

class slow_server {
 public:
  struct work {
    using reply = int;
    std::chrono::seconds time;
  };
  struct quick {
    using reply = int;
  };

  coroutine<int> handle(work w) {
    // Every second is a step, but the message is one.
    for (auto left = w.time; left > 0s; left -= 1s) co_await coppice::sleep_for(1s);
    co_return 1;
  }
  static int handle(quick) { return 2; }
};

}  // namespace

TEST_CASE("a process that completes no await within its limit ends as hung, and is restarted") {
  limited w;
  w.run([&w]() -> coroutine<> {
    const citizen me{w.all};
    co_await coppice::sleep_for(1000h);
  });
  w.clock.advance(10s - 1ns);
  CHECK(w.all.starts == 1);
  w.clock.advance(1ns);
  CHECK(w.all.starts == 2);
  CHECK(w.all.alive == 1);
  CHECK(w.told("has made no progress for 10 s") == 1);
  CHECK(w.told("ended (hung); restarting") == 1);
  w.clock.advance(10s);
  CHECK(w.all.starts == 3);
}

TEST_CASE("every await that completes is progress") {
  limited w;
  w.run([&w]() -> coroutine<> {
    const citizen me{w.all};
    for (int i = 0; i < 10; ++i) co_await coppice::sleep_for(9s);
    co_await coppice::sleep_for(1000h);
  });
  w.clock.advance(99s);
  CHECK(w.all.starts == 1);
  w.clock.advance(1s);
  CHECK(w.all.starts == 2);
}

TEST_CASE("what is over when the limit is has its turn first") {
  limited w;
  w.run([&w]() -> coroutine<> {
    const citizen me{w.all};
    for (int i = 0; i < 10; ++i) co_await coppice::sleep_for(10s);
    co_await coppice::sleep_for(1000h);
  });
  w.clock.advance(109s);
  CHECK(w.all.starts == 1);
  w.clock.advance(1s);
  CHECK(w.all.starts == 2);
}

// Takes no virtual time: that stands still while anything is ready.
TEST_CASE("a process does not hang because another one holds up the loop") {
  asio::io_context io{1};
  int hung = 0;
  coppice::set_report_sink(io, [&hung](const coppice::report& r) {
    if (std::holds_alternative<coppice::process_hung>(r)) ++hung;
  });
  asio::local::stream_protocol::socket reader{io};
  asio::local::stream_protocol::socket writer{io};
  asio::local::connect_pair(reader, writer);
  auto sleeps = []() -> coroutine<> {
    for (;;) co_await coppice::sleep_for(1ms);
  };
  auto reads = [&reader]() -> coroutine<> {
    char byte = 0;
    for (;;) co_await asio::async_read(reader, asio::buffer(&byte, 1), use_coroutine);
  };
  auto blocks = [&]() -> coroutine<> {
    for (int i = 0; i < 3; ++i) {
      // The others have their turn, and wait.
      co_await coppice::sleep_for(2ms);
      asio::write(writer, asio::buffer("x", 1));
      std::this_thread::sleep_for(50ms);
    }
    co_await coppice::sleep_for(2ms);
    io.stop();
  };
  coppice::start_supervisor(
      io, supervisor_spec{.name = "top",
                          .strategy = one_for_one,
                          .children = {coppice::worker("sleeps", sleeps).with_progress_limit(40ms),
                                       coppice::worker("reads", reads).with_progress_limit(40ms),
                                       coppice::worker("blocks", blocks)}});
  io.run();
  CHECK(hung == 0);
}

TEST_CASE("so is an operation of Asio's, and what waits for one can hang") {
  limited w;
  w.run([&w]() -> coroutine<> {
    const citizen me{w.all};
    asio::steady_timer never{w.io, std::chrono::steady_clock::time_point::max()};
    co_await coppice::yield();
    co_await never.async_wait(use_coroutine);
  });
  w.clock.advance(10s);
  CHECK(w.all.starts == 2);
  CHECK(w.all.alive == 1);
}

TEST_CASE("a process that refuses to be cancelled ends all the same") {
  limited w;
  w.run([&w]() -> coroutine<> {
    const citizen me{w.all};
    for (;;) {
      try {
        co_await coppice::sleep_for(1000h);
      } catch (...) {
      }
    }
  });
  w.clock.advance(10s);
  CHECK(w.all.starts == 2);
  CHECK(w.all.alive == 1);
}

TEST_CASE("a checkpoint is progress, and one that comes too late is not") {
  limited w;
  bool went_on = false;
  w.run([&]() -> coroutine<> {
    const citizen me{w.all};
    if (w.all.starts > 1) co_await coppice::sleep_for(1s);
    // The clock is the test's: it passes while this computes.
    w.clock.advance(9s);
    coppice::checkpoint();
    w.clock.advance(9s);
    coppice::checkpoint();
    if (w.all.starts == 1) {
      w.clock.advance(10s);
      coppice::checkpoint();
      went_on = true;
    }
    co_await coppice::sleep_for(5s);
    co_await coppice::sleep_for(1000h);
  });
  CHECK(went_on);  // It cannot be ended while it computes.
  CHECK(w.told("has made no progress") == 1);
  CHECK(w.all.alive == 1);
  CHECK(w.all.starts == 2);
}

TEST_CASE("a transient child that hangs is restarted, a temporary one is not") {
  limited w;
  const auto body = [&w]() -> coroutine<> {
    const citizen me{w.all};
    co_await coppice::sleep_for(1000h);
  };
  coppice::restart how = coppice::transient;
  int expected = 2;
  SUBCASE("transient") {}
  SUBCASE("temporary") {
    how = coppice::temporary;
    expected = 1;
  }
  coppice::start_supervisor(
      w.io, supervisor_spec{.strategy = one_for_one,
                            .children = {coppice::worker("a", body).with_restart(how)
                                             .with_progress_limit(10s)}});
  w.clock.advance(10s);
  CHECK(w.all.starts == expected);
}

TEST_CASE("a server hangs in a message, whatever it awaits there, and not between two") {
  limited w;
  coppice::start_supervisor(
      w.io, supervisor_spec{.name = "top",
                            .strategy = one_for_one,
                            .children = {coppice::server<slow_server>("slow")
                                             .with_progress_limit(10s)}});
  const coppice::server_ref<slow_server> slow{w.io, "slow"};
  w.clock.advance(1h);
  CHECK(w.told("no progress") == 0);
  const auto call = [&](auto message) {
    auto result = std::make_shared<std::optional<boost::system::error_code>>();
    slow.call(message, coppice::infinity)(
        [result](boost::system::error_code ec, int) { *result = ec; });
    return result;
  };
  const auto first = call(slow_server::work{9s});
  w.clock.advance(9s);
  REQUIRE(*first);
  CHECK_FALSE(**first);
  w.clock.advance(1h);
  const auto second = call(slow_server::work{9s});
  const auto third = call(slow_server::work{9s});
  w.clock.advance(18s);
  REQUIRE(*third);
  CHECK_FALSE(**third);
  CHECK(w.told("no progress") == 0);
  const auto late = call(slow_server::work{20s});
  w.clock.advance(10s - 1ns);
  CHECK_FALSE(*late);
  w.clock.advance(1ns);
  REQUIRE(*late);
  CHECK(**late == coppice::errc::died);
  CHECK(w.told("has made no progress for 10 s") == 1);
  const auto after = call(slow_server::quick{});
  w.clock.settle();
  REQUIRE(*after);
  CHECK_FALSE(**after);
}

TEST_CASE("a server hangs in its init, and in its terminate") {
  struct slow {
    explicit slow(bool in_init) : in_init_{in_init} {}
    coroutine<> init() {
      if (in_init_) co_await coppice::sleep_for(1h);
    }
    static coroutine<> terminate(const coppice::exit_reason&) { co_await coppice::sleep_for(1h); }
    bool in_init_;
  };
  limited w;
  const auto top = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  const auto start = [&](bool in_init) {
    auto starting = top.start_child(coppice::server<slow>("slow", in_init)
                                        .with_restart(coppice::temporary)
                                        .with_shutdown(coppice::infinity)
                                        .with_progress_limit(10s));
    begin(starting.ready());
    return starting;
  };
  SUBCASE("which is a failed start") {
    const auto starting = start(true);
    w.clock.advance(10s);
    CHECK(starting.failure() == coppice::exit_reason::hung());
  }
  SUBCASE("which ends it at last") {
    start(false);
    w.clock.settle();
    const auto stopped = begin(top.stop());
    w.clock.advance(10s);
    CHECK(stopped->there);
  }
  CHECK(w.told("has made no progress for 10 s") == 1);
}

TEST_CASE("a checkpoint means nothing without a limit, in a server, and outside of processes") {
  struct working {
    struct work {
      using reply = void;
    };
    coroutine<> handle(work) {
      for (;;) {
        co_await coppice::sleep_for(1s);
        coppice::checkpoint();
      }
    }
  };
  limited w;
  coppice::checkpoint();
  const coppice::pid unlimited = coppice::spawn(w.io, []() -> coroutine<> {
    co_await coppice::sleep_for(1min);
    coppice::checkpoint();
    co_await coppice::sleep_for(1h);
  });
  coppice::start_supervisor(
      w.io, supervisor_spec{.strategy = one_for_one,
                            .children = {coppice::server<working>("working")
                                             .with_progress_limit(10s)}});
  const coppice::server_ref<working> ref{w.io, "working"};
  w.clock.settle();
  boost::system::error_code heard;
  ref.call(working::work{}, coppice::infinity)(
      [&heard](boost::system::error_code ec) { heard = ec; });
  w.clock.advance(1min);
  CHECK(heard == coppice::errc::died);
  CHECK(unlimited.alive());
}

TEST_CASE("the report of a process that hangs tells where it waits") {
  limited w;
  std::vector<std::string> stack;
  coppice::set_report_sink(w.io, [&](const coppice::report& r) {
    const auto* const hung = std::get_if<coppice::process_hung>(&r);
    if (hung != nullptr) stack = coppice::stack_of(hung->process);
  });
  w.run([&w]() -> coroutine<> {
    const citizen me{w.all};
    co_await coppice::sleep_for(1000h);
  });
  w.clock.advance(10s);
#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
  CHECK(stack.size() == 1);
#endif
}

TEST_CASE("a progress limit that breaks a rule is refused where it is given") {
  const auto nothing = []() -> asio::awaitable<void> { co_return; };
  CHECK(refusal(coppice::worker("a", nothing).with_progress_limit(1ns)).empty());
  CHECK(refusal(coppice::worker("a", nothing).with_progress_limit(0s)) ==
        "coppice: child \"a\": its progress limit must be above zero");
  CHECK(refusal(coppice::supervisor({.name = "s", .strategy = one_for_one})
                    .with_progress_limit(1s)) ==
        "coppice: child \"s\": a supervisor waits for its children, and has no progress limit");
}
