// What passes between two io_contexts on one thread, each in virtual time of its own.

#include <coppice/down.hpp>
#include <coppice/link.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process.hpp>
#include <coppice/process_info.hpp>
#include <coppice/server.hpp>
#include <coppice/supervisor.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using coppice::errc;

namespace {

class oracle {
 public:
  struct ask {
    using reply = std::string;
    std::string text;

    explicit ask(std::string t) : text{std::move(t)} {}
  };
  struct crash {
    using reply = int;
  };
  struct count {
    using reply = void;
  };
  struct verdict {
    const int final = 0;
  };
  struct judge {
    using reply = verdict;
  };

  std::string handle(const ask& m) { return m.text + "!"; }
  int handle(crash) { throw std::runtime_error{"crash"}; }
  void handle(count) { ++counted; }
  verdict handle(judge) { return {counted}; }

  int counted = 0;
};

// A process on one io_context that calls a server on another one.
struct two_loops {
  world mine;
  std::unique_ptr<world> other = std::make_unique<world>();
  coppice::server_ref<oracle> ref = coppice::start_server<oracle>(other->io, "oracle");
  std::string told = "nothing";

  two_loops() { other->clock.settle(); }

  coppice::pid ask(coppice::time_limit limit) {
    const coppice::pid p = coppice::spawn(mine.io, [this, limit]() -> coroutine<> {
      auto asking = ref.call(oracle::ask{"text that is too long to be kept in place"}, limit);
      try {
        told = co_await std::move(asking);
      } catch (const boost::system::system_error& e) {
        told = e.code().message() + " (" + asking.failure().to_string() + ")";
      }
    });
    mine.clock.settle();
    return p;
  }
  void run_both() {
    other->clock.settle();
    mine.clock.settle();
  }
};

}  // namespace

TEST_CASE("a process calls a server of another io_context") {
  two_loops t;
  const ending end{t.ask(5s)};
  CHECK(t.told == "nothing");
  t.run_both();
  CHECK(t.told == "text that is too long to be kept in place!");
  CHECK(end.text() == "normal");
}

TEST_CASE("the limit of a call runs where the caller waits, be the other loop run or not") {
  two_loops t;
  const ending end{t.ask(200ms)};
  t.mine.clock.advance(199ms);
  CHECK(t.told == "nothing");
  t.mine.clock.advance(1ms);
  CHECK(t.told == "time ran out (normal)");
  CHECK(end.text() == "normal");
  t.run_both();  // the answer comes too late for anybody
  CHECK(t.told == "time ran out (normal)");
}

TEST_CASE("a call fails when the io_context of the server goes, and tells so") {
  two_loops t;
  const ending end{t.ask(coppice::infinity)};
  t.other.reset();
  t.mine.clock.settle();
  CHECK(t.told == "it ended before it had answered (noproc)");
  CHECK(end.text() == "normal");
}

TEST_CASE("a caller of another io_context hears how the server crashed") {
  two_loops t;
  std::string told;
  coppice::spawn(t.mine.io, [&]() -> coroutine<> {
    auto asking = t.ref.call(oracle::crash{});
    try {
      co_await std::move(asking);
    } catch (const boost::system::system_error& e) {
      told = e.code() == errc::died ? asking.failure().to_string() : e.what();
    }
  });
  t.mine.clock.settle();
  t.run_both();
  CHECK(told == "std::runtime_error: crash");
}

TEST_CASE("a call without a result completes over the border as well") {
  two_loops t;
  bool done = false;
  coppice::spawn(t.mine.io, [&]() -> coroutine<> {
    co_await t.ref.call(oracle::count{});
    done = true;
  });
  t.mine.clock.settle();
  t.run_both();
  CHECK(done);
}

TEST_CASE("a reply need not be of a type that can be assigned") {
  two_loops t;
  coppice::spawn(t.mine.io, [&t]() -> coroutine<> {
    auto counting = t.ref.call(oracle::count{});
    co_await std::move(counting);
    auto judging = t.ref.call(oracle::judge{});
    const oracle::verdict v = co_await std::move(judging);
    t.told = std::to_string(v.final);
  });
  for (int i = 0; i < 2; ++i) {
    t.mine.clock.settle();
    t.run_both();
  }
  CHECK(t.told == "1");
}

TEST_CASE("a caller is stopped, or killed, while it waits for another io_context") {
  two_loops t;
  const coppice::pid asked = t.ask(coppice::infinity);
  const ending stopped{asked};
  coppice::exit(asked, coppice::exit_reason::shutdown());
  t.mine.clock.settle();
  CHECK(t.told.starts_with("Operation canceled"));
  CHECK(stopped.reason());
  const coppice::pid victim = t.ask(coppice::infinity);
  const ending killed{victim};
  coppice::kill(victim);
  t.mine.clock.settle();
  CHECK(killed.text() == "killed");
  t.run_both();
}

TEST_CASE("the caller's io_context goes first, and the answer goes nowhere") {
  two_loops t;
  world other;
  const auto ref = coppice::start_server<oracle>(other.io, "oracle");
  {
    world mine;
    coppice::spawn(mine.io, [ref]() -> coroutine<> {
      auto asking = ref.call(oracle::ask{"text that is too long to be kept in place"});
      co_await std::move(asking);
    });
    mine.clock.settle();
  }
  CHECK_NOTHROW(other.clock.settle());
}

TEST_CASE("who is no process calls with a limit of real time, and can be cancelled") {
  two_loops t;
  boost::system::error_code limit;
  boost::system::error_code cancelled;
  asio::io_context plain;
  t.ref.call(oracle::ask{"x"}, 1ms)(asio::bind_executor(
      plain.get_executor(),
      [&](const boost::system::error_code& ec, const std::string&) { limit = ec; }));
  asio::cancellation_signal signal;
  t.ref.call(oracle::ask{"x"}, coppice::infinity)(asio::bind_cancellation_slot(
      signal.slot(),
      asio::bind_executor(plain.get_executor(), [&](const boost::system::error_code& ec,
                                                    const std::string&) { cancelled = ec; })));
  signal.emit(asio::cancellation_type::terminal);
  plain.run();
  CHECK(limit == errc::timeout);
  CHECK(cancelled == asio::error::operation_aborted);
  CHECK_NOTHROW(t.other->clock.settle());
}

TEST_CASE("a server that is not up in time is killed, by whoever waits for it elsewhere") {
  struct slow {
    coroutine<> init() { co_await coppice::sleep_for(1h); }
  };
  world mine;
  world other;
  const auto ref = coppice::start_server<slow>(other.io, "slow");
  other.clock.settle();
  const coppice::pid server = ref.whereis();
  bool timed_out = false;
  coppice::spawn(mine.io, [&]() -> coroutine<> {
    auto starting = ref.ready(1s);
    try {
      co_await std::move(starting);
    } catch (const boost::system::system_error& e) {
      timed_out = e.code() == errc::timeout;
    }
  });
  mine.clock.advance(1s);
  CHECK(timed_out);
  CHECK(server.alive());
  other.clock.settle();
  CHECK_FALSE(server.alive());
}

namespace {

boost::system::error_code refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const boost::system::system_error& e) {
    return e.code();
  }
  return {};
}

}  // namespace

TEST_CASE("a reference to a server may outlive its io_context, and leads nowhere then") {
  const auto other = std::make_unique<world>();
  const auto by_pid = coppice::start_server<oracle>(other->io, "oracle");
  const coppice::server_ref<oracle> by_name{other->io, "oracle"};
  other->clock.settle();
  struct teller {
    struct tell {};
    void handle(tell) {}
  };
  const coppice::server_ref<teller> teller_ref{other->io, "teller"};
  const_cast<std::unique_ptr<world>&>(other).reset();
  for (const auto& ref : {by_pid, by_name}) {
    CHECK_FALSE(ref.whereis());
    CHECK(refusal([&] { static_cast<void>(ref.call(oracle::count{})); }) == errc::noproc);
    CHECK(refusal([&] { static_cast<void>(ref.send_request(oracle::count{})); }) == errc::noproc);
    CHECK(refusal([&] { static_cast<void>(ref.stop()); }) == errc::noproc);
  }
  CHECK(teller_ref.cast(teller::tell{}) == coppice::send_result::closed);
}

TEST_CASE("links, monitors and the like do not reach into another io_context") {
  world other;
  const coppice::pid far =
      coppice::spawn(other.io, []() -> coroutine<> { co_await coppice::sleep_for(1h); });
  const auto server = coppice::start_server<oracle>(other.io, "oracle");
  other.clock.settle();
  world mine;
  std::string told;
  const auto refused = [&told](const std::function<void()>& what) {
    try {
      what();
      told += "allowed; ";
    } catch (const std::logic_error& e) {
      told += std::string{e.what()} + "; ";
    }
  };
  coppice::spawn(mine.io, [&]() -> coroutine<> {
    coppice::mailbox<coppice::down> box;
    refused([&] { coppice::link(far); });
    refused([&] { coppice::monitor(far, box); });
    refused([&] { static_cast<void>(coppice::await_exit(far)); });
    refused([&] { static_cast<void>(server.send_request(oracle::count{})); });
    refused([&] { static_cast<void>(server.stop()); });
    co_return;
  });
  mine.clock.settle();
  const std::string why = ": what is of another io_context cannot be reached from this one; ";
  CHECK(told == "coppice: link" + why + "coppice: monitor" + why + "coppice: await_exit" + why +
                    "coppice: send_request" + why + "coppice: stop" + why);
  CHECK(coppice::info(far)->links.empty());
}

TEST_CASE("exit and kill reach processes of another io_context, and messages its mailboxes") {
  world other;
  int got = 0;
  coppice::address<int> to;
  const auto sleep = []() -> coroutine<> { co_await coppice::sleep_for(1h); };
  const coppice::pid obedient = coppice::spawn(other.io, sleep);
  const coppice::pid victim = coppice::spawn(other.io, sleep);
  const coppice::pid bystander = coppice::spawn(other.io, sleep);
  const ending asked{obedient};
  const ending killed{victim};
  coppice::spawn(other.io, [&]() -> coroutine<> {
    coppice::mailbox<int> box;
    to = box.get_address();
    got = co_await box.receive();
  });
  other.clock.settle();
  world mine;
  coppice::spawn(mine.io, [&]() -> coroutine<> {
    coppice::exit(obedient, coppice::exit_reason::shutdown("from afar"));
    coppice::kill(victim);
    to.send(7);
    co_return;
  });
  mine.clock.settle();
  other.clock.settle();
  CHECK(asked.text() == "shutdown: from afar");
  CHECK(killed.text() == "killed");
  CHECK(bystander.alive());
  CHECK(got == 7);
}
