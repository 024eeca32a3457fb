// Real time and a thread beside the loop's. To be run under ThreadSanitizer too.

#include <coppice.hpp>

#include "support/printed.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using coppice::loop_blocked;
using coppice::pid;
using coppice::watchdog;

// What blocks loops here. It has a name for others, which the stack can tell.
extern "C" __attribute__((noinline, visibility("default"))) void compute_for_the_watchdog(
    const std::atomic<int>& calls, int until) {
  while (calls.load() < until) {
  }
}

namespace {

// What a watchdog, or a report of it, has told.
struct told {
  explicit told(const loop_blocked& x)
      : process{x.process},
        label{x.label},
        time{x.time},
        stack{x.stack.begin(), x.stack.end()},
        on{std::this_thread::get_id()} {}

  [[nodiscard]] bool shows(std::string_view function) const {
    return std::ranges::any_of(
        stack, [function](const std::string& s) { return s.starts_with(function); });
  }

  pid process;
  std::string label;
  std::chrono::steady_clock::duration time;
  std::vector<std::string> stack;
  std::thread::id on;
};

constexpr auto function = "compute_for_the_watchdog (";

// An io_context with a watchdog. What blocks it goes on until the watchdog has called.
struct scene {
  explicit scene(std::chrono::steady_clock::duration limit = 20ms, int signal = SIGURG) {
    coppice::set_report_sink(io, [this](const coppice::report& r) {
      if (const auto* x = std::get_if<loop_blocked>(&r)) reports.emplace_back(*x);
    });
    dog.emplace(io, coppice::watchdog_options{.limit = limit,
                                              .on_blocked =
                                                  [this](const loop_blocked& x) {
                                                    named.emplace_back(x);
                                                    ++calls;
                                                  },
                                              .signal = signal});
  }

  // Computes until it is noticed.
  void compute() { compute_for_the_watchdog(calls, calls + 1); }
  pid spawn_busy(std::string_view label = {}) {
    return coppice::spawn(
        io,
        [this]() -> asio::awaitable<void> {
          compute();
          co_return;
        },
        label);
  }

  asio::io_context io{1};
  std::vector<told> reports;
  std::vector<told> named;  // written by the thread of the watchdog, before it counts
  std::atomic<int> calls{0};
  std::optional<watchdog> dog;
};

// On a thread of its own, a loop is blocked until its watchdog, with that limit, has noticed.
class meanwhile {
 public:
  explicit meanwhile(std::chrono::steady_clock::duration limit)
      : thread_{[this, limit] {
          scene other{limit};
          other.spawn_busy();
          other.io.run();
          over_ = true;
        }} {}
  ~meanwhile() { thread_.join(); }
  meanwhile(const meanwhile&) = delete;
  meanwhile& operator=(const meanwhile&) = delete;

  [[nodiscard]] bool over() const { return over_; }

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

bool is_default(int signal) {
  struct sigaction now {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler == SIG_DFL;
}

void foreign(int) {}

std::string refusal(coppice::watchdog_options options) {
  asio::io_context io{1};
  try {
    const watchdog dog{io, std::move(options)};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("a process that computes for too long is named while it does, and reported after it") {
  scene s;
  const pid p = s.spawn_busy("busy");
  s.io.run();
  REQUIRE(s.calls == 1);
  const told& named = s.named.front();
  CHECK(named.process == p);
  CHECK(named.label == "busy");
  CHECK(named.time >= 20ms);
  CHECK(named.shows(function));
  CHECK(named.on != std::this_thread::get_id());
  REQUIRE(s.reports.size() == 1);
  const told& report = s.reports.front();
  CHECK(report.process == p);
  CHECK(report.label == "busy");
  CHECK(report.time >= named.time);
  CHECK(report.stack == named.stack);
  CHECK(report.on == std::this_thread::get_id());
}

TEST_CASE("a process that takes many short turns is not named, however long it goes on") {
  scene s{500ms};
  const meanwhile time_passes{1s};
  coppice::spawn(s.io, [&]() -> coppice::task<> {
    while (!time_passes.over()) co_await coppice::yield();
  });
  s.io.run();
  CHECK(s.calls == 0);
  s.dog.reset();
  CHECK(s.reports.empty());
}

TEST_CASE("each time that a process blocks the loop is told once") {
  scene s;
  const pid p = coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    s.compute();
    co_await coppice::yield();
    s.compute();
  });
  s.io.run();
  REQUIRE(s.calls == 2);
  REQUIRE(s.reports.size() == 2);
  for (const auto* all : {&s.named, &s.reports}) {
    for (const told& t : *all) CHECK(t.process == p);
  }
}

TEST_CASE("processes that block the loop one after the other are told each") {
  scene s;
  const pid first = s.spawn_busy("first");
  const pid second = s.spawn_busy("second");
  s.io.run();
  REQUIRE(s.calls == 2);
  REQUIRE(s.reports.size() == 2);
  CHECK(s.named[0].process == first);
  CHECK(s.named[1].process == second);
  CHECK(s.reports[0].label == "first");
  CHECK(s.reports[1].label == "second");
}

TEST_CASE("a process is named by the label that it has given itself, or by its supervisor's id") {
  scene s;
  coppice::supervisor_ref top;
  top = coppice::start_supervisor(
      s.io, {.strategy = coppice::one_for_one,
             .children = {coppice::worker("child", [&]() -> asio::awaitable<void> {
               s.compute();
               coppice::set_label(std::string(255, 'x') + "\u00e4");
               co_await coppice::yield();
               s.compute();
               asio::post(s.io, [&top] { top.stop()([](auto) {}); });
               co_await coppice::sleep_for(1h);
             })}});
  s.io.run();
  REQUIRE(s.calls == 2);
  CHECK(s.named[0].label == "child");
  CHECK(s.named[1].label == std::string(255, 'x'));
}

TEST_CASE("a server that computes within the turn of its caller is named, and not the caller") {
  struct thinker {
    struct think {
      using reply = int;
    };
    int handle(think) {
      of->compute();
      return 1;
    }
    scene* of;
    explicit thinker(scene* s) : of{s} {}
  };
  scene s;
  const auto server = coppice::start_server<thinker>(s.io, "thinker", &s);
  s.io.poll();
  const pid thinking = server.whereis();
  coppice::spawn(s.io, [server]() -> coppice::task<> {
    co_await server.call(typename thinker::think{}, 1h);
    coppice::exit(server.whereis(), coppice::exit_reason::shutdown());
  });
  s.io.run();
  REQUIRE(s.calls == 1);
  CHECK(s.named[0].process == thinking);
}

TEST_CASE("a handler of the user's that blocks the loop is told as no process") {
  scene s;
  coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    asio::post(s.io, [&s] { s.compute(); });
    co_return;
  });
  s.io.run();
  REQUIRE(s.calls == 1);
  CHECK_FALSE(s.named[0].process);
  CHECK(s.named[0].label.empty());
  CHECK(s.named[0].shows(function));
  REQUIRE(s.reports.size() == 1);
  CHECK_FALSE(s.reports[0].process);
}

TEST_CASE("a process that runs the io_context from within itself blocks it only before and after") {
  scene s{500ms};
  int calls_meanwhile = -1;
  const pid p = coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    {
      const meanwhile time_passes{1s};
      while (!time_passes.over()) s.io.run_for(1ms);
    }
    calls_meanwhile = s.calls;
    s.compute();
    co_return;
  });
  s.io.run();
  CHECK(calls_meanwhile == 0);
  REQUIRE(s.calls == 1);
  CHECK(s.named[0].process == p);
}

TEST_CASE("an io_context that nobody runs is not blocked") {
  scene s{100ms};
  coppice::spawn(s.io, []() -> asio::awaitable<void> { co_await coppice::sleep_for(1h); });
  s.io.poll();
  {
    const meanwhile time_passes{1s};
    while (!time_passes.over()) std::this_thread::yield();
  }
  s.io.poll();
  s.dog.reset();
  CHECK(s.calls == 0);
  CHECK(s.reports.empty());
}

TEST_CASE("a watchdog goes by real time, and watches a loop in virtual time too") {
  scene s;
  coppice::virtual_clock clock{s.io};
  const pid p = coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    co_await coppice::sleep_for(1h);
    s.compute();
  });
  clock.advance(1h);
  REQUIRE(s.calls == 1);
  CHECK(s.named[0].process == p);
}

TEST_CASE("two watchdogs of one io_context notice by themselves") {
  scene s{20ms};
  std::atomic<int> second = 0;
  std::optional<watchdog> other;
  other.emplace(s.io, coppice::watchdog_options{
                          .limit = 40ms, .on_blocked = [&](const loop_blocked&) { ++second; }});
  coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    compute_for_the_watchdog(s.calls, 1);
    compute_for_the_watchdog(second, 1);
    co_return;
  });
  s.io.run();
  other.reset();
  s.dog.reset();
  CHECK(s.calls == 1);
  CHECK(second == 1);
  CHECK(s.reports.size() == 2);
}

TEST_CASE("watchdogs of two io_contexts, blocked at the same time, name each its own process") {
  const auto work = [] {
    scene s;
    const pid p = s.spawn_busy("busy");
    s.io.run();
    return s.calls == 1 && s.named[0].process == p && s.named[0].shows(function);
  };
  bool elsewhere = false;
  std::thread other{[&] {
    for (int i = 0; i < 5; ++i) elsewhere = work();
  }};
  bool here = false;
  for (int i = 0; i < 5; ++i) here = work();
  other.join();
  CHECK(here);
  CHECK(elsewhere);
}

TEST_CASE("a report that the loop does not come to is told when the watchdog is destroyed") {
  scene s;
  coppice::spawn(s.io, [&]() -> asio::awaitable<void> {
    s.compute();
    s.io.stop();
    co_return;
  });
  s.io.run();
  CHECK(s.reports.empty());
  s.dog.reset();
  CHECK(s.calls == 1);
  CHECK(s.reports.size() == 1);
}

TEST_CASE("what on_blocked throws is dropped, and the report is told") {
  asio::io_context io{1};
  std::atomic<int> calls = 0;
  int reports = 0;
  coppice::set_report_sink(io, [&](const coppice::report&) { ++reports; });
  const watchdog dog{io, {.limit = 20ms, .on_blocked = [&](const loop_blocked&) {
                            ++calls;
                            throw std::runtime_error{"no"};
                          }}};
  coppice::spawn(io, [&]() -> asio::awaitable<void> {
    compute_for_the_watchdog(calls, 1);
    co_await coppice::yield();
    compute_for_the_watchdog(calls, 2);
  });
  io.run();
  CHECK(calls == 2);
  CHECK(reports == 2);
}

TEST_CASE("without on_blocked it is printed to stderr, with a line for each function") {
  const auto is_printed = [] {
    struct stat file {};
    return ::fstat(2, &file) == 0 && file.st_size > 0;
  };
  const std::string text = printed([&] {
    asio::io_context io{1};
    coppice::set_report_sink(io, {});
    const watchdog dog{io, {.limit = 20ms}};
    coppice::spawn(
        io,
        [&]() -> asio::awaitable<void> {
          while (!is_printed()) {
          }
          co_return;
        },
        "bu\nsy");
    io.run();
  });
  CHECK(std::regex_search(
      text, std::regex{"^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} \\[coppice\\] process bu\\\\nsy <1> has "
                       "blocked the loop for [0-9.]+ s so far\n    [^\n]+\n    "}));
  CHECK(text.ends_with('\n'));
}

TEST_CASE("an io_context may be destroyed before its watchdog") {
  auto io = std::make_unique<asio::io_context>(1);
  coppice::set_report_sink(*io, {});
  watchdog dog{*io, {.limit = 4ms}};
  coppice::spawn(*io, []() -> asio::awaitable<void> { co_await coppice::sleep_for(1h); });
  io->poll();
  CHECK_NOTHROW(io.reset());
}

TEST_CASE("the signal has a handler as long as there is a watchdog, and then the former one") {
  REQUIRE(is_default(SIGURG));
  asio::io_context io{1};
  auto first = std::make_unique<watchdog>(io);
  auto second = std::make_unique<watchdog>(io);
  CHECK_FALSE(is_default(SIGURG));
  first.reset();
  CHECK_FALSE(is_default(SIGURG));
  second.reset();
  CHECK(is_default(SIGURG));

  struct sigaction before {};
  struct sigaction ignored {};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGUSR1, &ignored, &before);
  { const watchdog dog{io, {.signal = SIGUSR1}}; }
  struct sigaction now {};
  ::sigaction(SIGUSR1, &before, &now);
  CHECK((now.sa_handler == SIG_IGN));
}

TEST_CASE("a handler that somebody has put in the place of the watchdog's stays") {
  asio::io_context io{1};
  struct sigaction theirs {};
  theirs.sa_handler = &foreign;
  {
    const watchdog dog{io, {.signal = SIGUSR1}};
    ::sigaction(SIGUSR1, &theirs, nullptr);
  }
  struct sigaction restored {};
  restored.sa_handler = SIG_DFL;
  struct sigaction now {};
  ::sigaction(SIGUSR1, &restored, &now);
  CHECK((now.sa_handler == &foreign));
}

TEST_CASE("a signal that is handled already, or cannot be, is refused") {
  struct sigaction before {};
  struct sigaction theirs {};
  theirs.sa_handler = &foreign;
  ::sigaction(SIGUSR1, &theirs, &before);
  const auto text = [](int signal, const std::string& why) {
    return "coppice: a watchdog cannot use signal " + std::to_string(signal) + ": " + why;
  };
  CHECK(refusal({.signal = SIGUSR1}) == text(SIGUSR1, "it has a handler already"));
  struct sigaction now {};
  ::sigaction(SIGUSR1, &before, &now);
  CHECK((now.sa_handler == &foreign));
  CHECK(refusal({.signal = SIGUSR1}) == "not refused");
  CHECK(refusal({.signal = SIGSEGV}) == text(SIGSEGV, "faults raise it"));
  CHECK(refusal({.signal = SIGKILL}) == text(SIGKILL, "it is none that can be handled"));
  CHECK(refusal({.signal = 0}) == text(0, "it is none that can be handled"));
}

TEST_CASE("a limit that is not above zero is refused") {
  const std::string rule = "coppice: the limit of a watchdog is above zero";
  CHECK(refusal({.limit = 0s}) == rule);
  CHECK(refusal({.limit = -1s}) == rule);
  CHECK(refusal({.limit = 1ns}) == "not refused");
  CHECK(refusal({.limit = std::chrono::steady_clock::duration::max()}) == "not refused");
}

TEST_CASE("another signal does as well, and one that the loop's thread has blocked does no harm") {
  const int signal = SIGRTMIN + 1;
  {
    scene s{20ms, signal};
    s.spawn_busy();
    s.io.run();
    REQUIRE(s.calls == 1);
    CHECK(s.named[0].shows(function));
  }
  CHECK(is_default(signal));

  sigset_t it;
  sigemptyset(&it);
  sigaddset(&it, signal);
  pthread_sigmask(SIG_BLOCK, &it, nullptr);
  {
    scene s{20ms, signal};
    const pid p = s.spawn_busy("busy");
    s.io.run();
    REQUIRE(s.calls == 1);
    CHECK(s.named[0].process == p);
    CHECK(s.named[0].stack.empty());
    CHECK(s.reports.size() == 1);
  }
  // The signal comes now, and would end the program if nobody handled it.
  pthread_sigmask(SIG_UNBLOCK, &it, nullptr);
  scene s{20ms, signal};
  s.spawn_busy();
  s.io.run();
  REQUIRE(s.calls == 1);
  CHECK(s.named[0].shows(function));
}
