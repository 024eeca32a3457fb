#include <coppice/down.hpp>
#include <coppice/exit_signal.hpp>
#include <coppice/link.hpp>
#include <coppice/mailbox.hpp>
#include <coppice/monitor.hpp>
#include <coppice/process.hpp>
#include <coppice/process_info.hpp>
#include <coppice/report_sink.hpp>
#include <coppice/send_after.hpp>
#include <coppice/supervisor.hpp>

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/world.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace asio::experimental::awaitable_operators;
using coppice::exit_reason;
using socket_type = asio::local::stream_protocol::socket;

namespace {

// Of a process, or beside it.
template <class Coroutine = coroutine<>>
Coroutine asleep() {
  co_await coppice::sleep_for(24h);
}

template <class Coroutine = coroutine<>>
Coroutine on_timer() {
  asio::steady_timer timer{co_await asio::this_coro::executor, 24h};
  co_await timer.async_wait(use_coroutine);
}

template <class Coroutine = coroutine<>>
Coroutine on_socket() {
  socket_type near{co_await asio::this_coro::executor};
  socket_type far{near.get_executor()};
  asio::local::connect_pair(near, far);
  char bytes[4];
  co_await asio::async_read(near, asio::buffer(bytes), use_coroutine);
}

template <class Coroutine = coroutine<>>
Coroutine on_mailbox() {
  coppice::mailbox<std::string> box;
  coppice::send_after(box.get_address(), 24h, "a text too long to lie in the string itself");
  box.get_address().send("another text too long to lie in the string itself");
  co_await box.receive();
  co_await box.receive();
}

coroutine<> on_another() {
  const coppice::pid other = coppice::spawn_link(asleep<>);
  coppice::mailbox<coppice::down> box;
  coppice::monitor(other, box);
  coppice::trap_exit(*std::make_unique<coppice::mailbox<coppice::exit_signal>>());
  co_await coppice::await_exit(other);
}

template <class Coroutine = coroutine<>>
Coroutine on_channel() {
  asio::experimental::channel<void(boost::system::error_code, int)> channel{
      co_await asio::this_coro::executor, 0};
  co_await channel.async_receive(use_coroutine);
}

template <class Coroutine = coroutine<>>
Coroutine on_many() {
  auto many = (asleep<beside>() && on_timer<beside>()) ||
              (on_socket<beside>() && on_mailbox<beside>()) || on_channel<beside>();
  co_await std::move(many);
}

coroutine<> on_helper() {
  const auto ex = co_await asio::this_coro::executor;
  asio::co_spawn(ex, on_many<beside>(), asio::detached);
  co_await asio::co_spawn(ex, on_socket<beside>(), use_coroutine);
}

coroutine<> busy() {
  for (;;) co_await asio::post(use_coroutine);
}

// Waits for something that nobody can cancel, and that keeps what waits for it until the end.
coroutine<> stubborn(std::vector<std::shared_ptr<void>>* keep) {
  auto initiate = [keep](auto handler) {
    keep->push_back(std::make_shared<decltype(handler)>(std::move(handler)));
  };
  co_await asio::async_initiate<decltype(use_coroutine), void()>(initiate, use_coroutine);
}

// A tree with everything in it, some of it on its way up or down.
void plant(asio::io_context& io, std::vector<std::shared_ptr<void>>& keep) {
  using coppice::worker;
  coppice::supervisor_spec inner{
      .name = "inner",
      .strategy = coppice::one_for_all,
      .children = {worker("timer", on_timer<>), worker("socket", on_socket<>),
                   worker("many", on_many<>),
                   worker("slow", [](coppice::init_ack up) -> coroutine<> {
                     co_await coppice::sleep_for(0s);
                     up.ready();
                     co_await asleep();
                   })}};
  coppice::supervisor_spec root{
      .name = "root",
      .strategy = coppice::rest_for_one,
      .children = {worker("mailbox", on_mailbox<>), worker("another", on_another),
                   coppice::supervisor(inner), worker("helper", on_helper),
                   worker("crashing", []() -> coroutine<> {
                     co_await coppice::sleep_for(0s);
                     throw std::runtime_error{"again"};
                   })}};
  const auto sup = coppice::start_supervisor(io, root);
  for (auto* f : {&asleep<>, &on_timer<>, &on_socket<>, &on_mailbox<>, &on_another, &on_channel<>,
                  &on_many<>, &on_helper, &busy}) {
    coppice::spawn(io, *f);
  }
  const coppice::pid abandoned = coppice::spawn(io, [&keep] { return stubborn(&keep); });
  coppice::spawn(io, [abandoned, sup]() -> coroutine<> {
    co_await coppice::sleep_for(0s);
    coppice::kill(abandoned);
    auto adding = sup.start_child(worker("added", asleep<>));
    co_await adding.ready();
  });
}

}  // namespace

TEST_CASE("an io_context may be destroyed at any moment, with a tree in whatever state") {
  for (const bool scheduler_first : {false, true}) {
    for (int steps = 0; steps < 60; ++steps) {
      CAPTURE(scheduler_first);
      CAPTURE(steps);
      asio::io_context io{1};
      std::vector<std::shared_ptr<void>> keep;
      // Asio shuts its services down in the reverse order of their making.
      if (scheduler_first) coppice::set_report_sink(io, nullptr);
      asio::steady_timer timer{io};
      socket_type socket{io};
      coppice::set_report_sink(io, nullptr);
      plant(io, keep);
      for (int i = 0; i < steps; ++i) io.poll_one();
    }
  }
}

TEST_CASE("an io_context may be destroyed after it was stopped in mid-run") {
  for (const bool scheduler_first : {false, true}) {
    asio::io_context io;
    if (scheduler_first) coppice::set_report_sink(io, nullptr);
    std::vector<std::shared_ptr<void>> keep;
    asio::steady_timer timer{io};
    coppice::set_report_sink(io, nullptr);
    plant(io, keep);
    coppice::spawn(io, [&io]() -> coroutine<> {
      for (int i = 0; i < 20; ++i) co_await coppice::sleep_for(0s);
      io.stop();
    });
    io.run();
    CHECK(coppice::processes(io).size() > 10);
  }
}

TEST_CASE("an io_context may be destroyed before or after a killed process is abandoned") {
  for (const auto waited : {0s, 2s}) {
    std::string log;
    {
      world w;
      std::vector<std::shared_ptr<void>> keep;
      const coppice::pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
        const traced frame{log, "frame"};
        co_await stubborn(&keep);
      });
      w.clock.settle();
      coppice::kill(p);
      w.clock.advance(waited);
      CHECK(w.reports.size() == (waited == 0s ? 0 : 1));
    }
    CHECK(log == "frame ");
  }
}

TEST_CASE("frames and captures of all that live are destroyed with the io_context, each once") {
  std::string log;
  {
    world w;
    const auto body = [&log](const char* name, coroutine<> (*wait)()) {
      return [&log, name, wait, kept = std::make_shared<traced>(log, "capture")]() -> coroutine<> {
        const traced frame{log, name};
        co_await wait();
      };
    };
    coppice::spawn(w.io, body("sleep", &asleep<>));
    coppice::spawn(w.io, body("timer", &on_timer<>));
    coppice::spawn(w.io, body("socket", &on_socket<>));
    coppice::spawn(w.io, body("busy", &busy));
    w.io.poll_one();
    coppice::spawn(w.io, body("unborn", &asleep<>));
  }
  const auto count = [&log](const std::string& what) {
    int n = 0;
    for (auto at = log.find(what); at != std::string::npos; at = log.find(what, at + 1)) ++n;
    return n;
  };
  CHECK(count("capture ") == 5);
  CHECK(count("sleep ") == 1);
  CHECK(count("timer ") == 1);
  CHECK(count("socket ") == 1);
  CHECK(count("busy ") == 1);
  CHECK(count("unborn ") == 0);
}

TEST_CASE("a destructor may use what is left of the processes while the io_context goes") {
  for (const bool scheduler_first : {false, true}) {
    CAPTURE(scheduler_first);
    struct farewell {
      std::vector<coppice::pid>& all;
      coppice::address<int> to;
      asio::any_io_executor ex;
      ~farewell() {
        for (const coppice::pid& p : all) {
          if (p.alive()) coppice::exit(p, exit_reason::shutdown());
          coppice::kill(p);
          static_cast<void>(coppice::info(p));
        }
        to.send(1);
        asio::post(ex, [] { FAIL("run after the end"); });
      }
    };
    std::vector<coppice::pid> all;
    coppice::address<int> to;
    asio::io_context io{1};
    if (scheduler_first) coppice::set_report_sink(io, nullptr);
    asio::steady_timer timer{io};
    for (auto* wait : {&on_timer<>, &asleep<>, &on_socket<>, &busy, &on_helper, &on_many<>}) {
      all.push_back(coppice::spawn(io, [&all, &to, wait]() -> coroutine<> {
        coppice::mailbox<int> box;
        to = box.get_address();
        const asio::any_io_executor ex = co_await asio::this_coro::executor;
        const farewell bye{all, to, ex};
        co_await (*wait)();
      }));
    }
    for (int i = 0; i < 10; ++i) io.poll_one();
  }
}

TEST_CASE("pids, mailboxes, addresses and monitors may be kept for longer than the io_context") {
  coppice::mailbox<coppice::down> box;
  coppice::monitor_ref monitor;
  coppice::pid p;
  {
    world w;
    p = coppice::spawn(w.io, asleep<>);
    w.clock.settle();
    monitor = coppice::monitor(p, box);
  }
  CHECK(p.to_string() == "<1>");
  CHECK(p == p);
  CHECK(monitor.id() != 0);
  coppice::demonitor(monitor);
  CHECK(box.size() == 0);
}

TEST_CASE("another thread may still be at work for a process when the io_context is destroyed") {
  asio::thread_pool pool{1};
  {
    asio::io_context io;
    coppice::spawn(io, [&pool]() -> coroutine<> {
      auto away = []() -> beside { co_return; };
      co_await asio::co_spawn(pool, away(), use_coroutine);
      co_await asleep();
    });
    io.poll();
    // What it completes arrives, or waits in the io_context and is destroyed there.
    pool.join();
  }
}
