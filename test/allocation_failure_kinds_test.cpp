// What fails for want of memory, one kind after another. The plays of the other two files show that
// nothing has been overlooked; these show what happens instead.

#include "support/coroutine.hpp"
#include "support/ending.hpp"
#include "support/failing_memory.hpp"
#include "support/world.hpp"

#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/timer_queue.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using coppice::exit_reason;
using coppice::pid;
using coppice::supervisor_spec;
using coppice::worker;

namespace {

constexpr const char* long_name = "a name that is too long to lie in a string object itself";
constexpr std::size_t all = static_cast<std::size_t>(-1) / 2;

coroutine<> waits() { co_await coppice::sleep_for(std::chrono::steady_clock::duration::max()); }

// No allocation of the thread succeeds while this lives; or so many fail, from that one on.
struct no_memory {
  explicit no_memory(std::size_t first = 1, std::size_t many = all) {
    coppice::detail::keep_no_blocks();
    failing_memory::arm(first, many);
  }
  no_memory(const no_memory&) = delete;
  no_memory& operator=(const no_memory&) = delete;
  ~no_memory() { failing_memory::disarm(); }
};

// Calls `f` again and again, with one allocation after another failing, until none does. Gives how
// often it has thrown.
template <class F>
int times_refused(F f) {
  int refused = 0;
  for (std::size_t n = 1;; ++n) {
    try {
      const no_memory failing{n, 1};
      f();
    } catch (const std::bad_alloc&) {
      ++refused;
    }
    if (failing_memory::failed() == 0) return refused;
  }
}

// Reports make texts, which is not what these tests are about.
struct quiet : world {
  quiet() { coppice::set_report_sink(io, {}); }
};

std::size_t links_of(const pid& p) { return coppice::info(p)->links.size(); }

}  // namespace

TEST_CASE("a spawn that throws leaves no process") {
  quiet w;
  std::size_t before = 0;
  const int refused = times_refused([&] {
    before = coppice::processes(w.io).size();
    coppice::spawn(w.io, waits, long_name);
  });
  CHECK(refused > 2);
  w.clock.settle();
  CHECK(coppice::processes(w.io).size() == 1);
}

TEST_CASE("a link is there on both sides or on none") {
  quiet w;
  const pid other = coppice::spawn(w.io, waits);
  int refused = 0;
  const pid me = coppice::spawn(w.io, [&]() -> coroutine<> {
    refused = times_refused([&] {
      coppice::link(other);
      CHECK(links_of(other) == 1);
    });
    co_await coppice::sleep_for(1h);
  });
  w.clock.settle();
  CHECK(refused > 1);
  CHECK(links_of(me) == 1);
  CHECK(links_of(other) == 1);
  coppice::kill(me);
  w.clock.settle();
  CHECK(!other.alive());
}

TEST_CASE("a process is killed without memory, and so are those that are linked to it") {
  quiet w;
  std::vector<pid> linked;
  const pid first = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::register_name(long_name);
    for (int i = 0; i < 50; ++i) linked.push_back(coppice::spawn_link(waits));
    co_await coppice::sleep_for(1h);
  });
  w.clock.settle();
  const ending heard{first};
  {
    const no_memory failing;
    coppice::kill(first);
    w.clock.settle();
  }
  CHECK(heard.text() == "killed");
  for (const pid& p : linked) CHECK(!p.alive());
  CHECK(!coppice::whereis(w.io, long_name));
}

TEST_CASE("processes are asked to stop without memory, and clean up") {
  quiet w;
  int cleaned_up = 0;
  std::vector<pid> asked;
  for (int i = 0; i < 50; ++i) {
    asked.push_back(coppice::spawn(w.io, [&]() -> coroutine<> {
      try {
        co_await coppice::sleep_for(1h);
      } catch (const boost::system::system_error&) {
        ++cleaned_up;
      } catch (const std::bad_alloc&) {
        ++cleaned_up;
      }
    }));
  }
  w.clock.settle();
  {
    const no_memory failing;
    for (const pid& p : asked) coppice::exit(p, exit_reason::shutdown());
    w.clock.settle();
  }
  CHECK(cleaned_up == 50);
  CHECK(coppice::processes(w.io).empty());
}

TEST_CASE("a wait that cannot begin is an exception where it is awaited") {
  quiet w;
  std::string log;
  coppice::mailbox<int> box;
  const auto to = box.get_address();
  coppice::spawn(w.io, [&]() -> coroutine<> {
    // So that there is a canceller in the slot, and room for a timer or two.
    co_await coppice::sleep_for(1ms);
    for (std::size_t n = 1; n < 4; ++n) {
      try {
        failing_memory::arm(n, 1);
        const auto m = co_await box.receive(1ms);
        log += m ? 'm' : '-';
      } catch (const std::bad_alloc&) {
        log += '!';
      }
      failing_memory::disarm();
    }
    // The mailbox does not know of the waits that have failed.
    const int m = co_await box.receive();
    log += std::to_string(m);
  });
  for (int i = 0; i < 8; ++i) w.clock.advance(1ms);
  to.send(7);
  w.clock.settle();
  CHECK(log.find('7') != std::string::npos);
#ifndef COPPICE_TEST_TASKS
  CHECK(log.front() == '!');  // the wait of an awaitable is allocated
#endif
}

TEST_CASE("a name that cannot be registered is nobody's") {
  quiet w;
  coppice::spawn(w.io, []() -> coroutine<> {
    const int refused = times_refused([] {
      CHECK(!coppice::whereis(long_name));
      coppice::register_name(long_name);
    });
    CHECK(refused > 1);
    co_return;
  });
  w.clock.settle();
  CHECK(!coppice::whereis(w.io, long_name));
}

TEST_CASE("a child for which there is no memory is tried again") {
  for (std::size_t n = 1; n < 12; ++n) {
    quiet w;
    pid child;
    const auto top = coppice::start_supervisor(
        w.io, supervisor_spec{.name = "top",
                              .strategy = coppice::one_for_one,
                              .children = {worker("child", [&child]() -> coroutine<> {
                                child = coppice::self();
                                co_await coppice::sleep_for(1h);
                              })}});
    w.clock.settle();
    const pid before = child;
    {
      const no_memory failing{n, 1};
      coppice::kill(child);
      w.clock.settle();
    }
    CHECK(!before.alive());
    CHECK(child.alive() == top.get_pid().alive());
    CHECK(top.get_pid().alive());
  }
}

TEST_CASE("a request that comes before its supervisor has run is answered without memory") {
  for (std::size_t n = 1; n < 60; ++n) {
    quiet w;
    const auto top = coppice::start_supervisor(
        w.io, supervisor_spec{.name = long_name, .strategy = coppice::one_for_one});
    bool answered = false;
    auto adding = top.start_child(worker(long_name, waits));
    adding.ready()([&](boost::system::error_code, const coppice::started_child&) {
      answered = true;
    });
    {
      const no_memory failing{n, 7};
      w.clock.settle();
    }
    w.clock.settle();
    CHECK(answered);
  }
}

TEST_CASE("an alarm that cannot be set is set when there is memory") {
  for (std::size_t n = 1; n < 12; ++n) {
    asio::io_context io{1};
    coppice::set_report_sink(io, {});
    int slept = 0;
    for (int i = 0; i < 2; ++i) {
      coppice::spawn(io, [&slept]() -> coroutine<> {
        co_await coppice::sleep_for(1ms);
        ++slept;
      });
    }
    const pid killed = coppice::spawn(io, waits);
    asio::post(io, [killed] { coppice::kill(killed); });
    {
      const no_memory failing{n, 1};
      io.run();
    }
    CHECK(coppice::processes(io).empty());
  }
}

TEST_CASE("a thread that runs a loop for the first time needs no memory") {
  quiet w;
  bool ran = false;
  asio::post(w.io, [&] { ran = true; });
  const pid p = coppice::spawn(w.io, waits);
  coppice::kill(p);
  std::thread other{[&] {
    const no_memory failing;
    w.io.poll();
  }};
  other.join();
  CHECK(ran);
  CHECK(!p.alive());
}

namespace {

struct desk {
  struct ask {
    using reply = int;
    std::shared_ptr<int> question;
  };
  int handle(const ask& m) { return *m.question; }
};

}  // namespace

TEST_CASE("a call from outside that cannot be sent throws, and its handler is not called") {
  quiet w;
  asio::io_context here{1};
  const auto ref = coppice::start_server<desk>(w.io, "desk");
  w.clock.settle();
  const auto question = std::make_shared<int>(7);
  int made = 0;
  int answers = 0;
  const int refused = times_refused([&] {
    const auto heard = [&](const boost::system::error_code& ec, int n) {
      CHECK(!ec);
      answers += n;
    };
    ref.call(desk::ask{question}, 1h)(asio::bind_executor(here.get_executor(), heard));
    ++made;
  });
  CHECK(refused > 3);
  CHECK(made > 0);
  w.clock.settle();
  here.restart();  // it has had work, which has ended: so it counts as stopped
  here.run();
  CHECK(answers == 7 * made);
  CHECK(question.use_count() == 1);
}

TEST_CASE("a message from outside that cannot be sent throws, and is gone") {
  quiet w;
  std::optional<coppice::address<std::shared_ptr<int>>> to;
  int heard = 0;
  const pid p = coppice::spawn(w.io, [&]() -> coroutine<> {
    coppice::mailbox<std::shared_ptr<int>> box;
    to = box.get_address();
    for (;;) {
      const auto letter = co_await box.receive();
      heard += *letter;
    }
  });
  w.clock.settle();
  const auto letter = std::make_shared<int>(1);
  int sent = 0;
  const int refused = times_refused([&] {
    to->send(letter);
    ++sent;
  });
  CHECK(refused > 0);
  w.clock.settle();
  CHECK(heard == sent);
  CHECK(letter.use_count() == 1);
  coppice::kill(p);
  w.clock.settle();
}

TEST_CASE("an io_context that could not have processes may have them later") {
  asio::io_context io{1};
  const int refused = times_refused([&] { coppice::set_report_sink(io, {}); });
  CHECK(refused > 2);
  const pid p = coppice::spawn(io, []() -> coroutine<> { co_return; });
  io.run();
  CHECK(!p.alive());
}

TEST_CASE("the reason of an end has its text, or is not made") {
  const int refused = times_refused([] {
    const exit_reason why = exit_reason::error(long_name);
    const failing_memory::suspended granted;
    CHECK(why.what() == long_name);
  });
  CHECK(refused > 0);
}

TEST_CASE("a message that cannot be described has a text all the same") {
  const struct message_that_is_shown_by_its_name {
  } message;
  const no_memory failing;
  const std::string shown = coppice::text_of(message);
  const failing_memory::suspended granted;
  CHECK(shown == "(no memory)");
}

TEST_CASE("a timer that has fired can be set again without memory") {
  using coppice::detail::timer_node;
  coppice::detail::timer_queue queue;
  std::vector<std::unique_ptr<timer_node>> timers;
  for (int i = 0; i < 100; ++i) timers.push_back(std::make_unique<timer_node>(nullptr));
  timer_node spare{nullptr};
  const coppice::detail::time_point when{};
  for (const auto& t : timers) {
    queue.set(*t, when);
    const no_memory failing;
    queue.set_reserved(spare, when);
    timer_node& fired = queue.pop();
    if (&fired != &spare) queue.set(fired, when);
    queue.cancel(spare);
  }
}
