#include "support/environment.hpp"
#include "support/printed.hpp"
#include "support/scripted.hpp"

#include <coppice/run.hpp>

#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

// A program and those outside of it. What it is told comes by real signals and sockets.

using asio::local::datagram_protocol;
using coppice::one_for_one;
using coppice::run_options;
using coppice::supervisor_spec;

namespace {

// A service manager, as far as it listens.
class manager {
 public:
  explicit manager(const std::string& name) : socket_{io_}, variable_{"NOTIFY_SOCKET", name} {
    std::string address = name;
    if (address[0] == '@') address[0] = '\0';
    socket_.open();
    socket_.bind(datagram_protocol::endpoint{address});
    socket_.non_blocking(true);
  }
  // Takes nothing more until it has listened: what others have told it fills its queue.
  void be_busy() {
    const auto me = socket_.local_endpoint();
    boost::system::error_code ec;
    while (!ec) {
      // Each of these has its own limit besides, but not for its first message.
      datagram_protocol::socket other{io_};
      other.open();
      other.non_blocking(true);
      other.send_to(asio::buffer("other", 5), me, 0, ec);
      boost::system::error_code full = ec;
      while (!full) other.send_to(asio::buffer("other", 5), me, 0, full);
    }
  }
  // All that it has been told.
  std::vector<std::string> heard() {
    std::vector<std::string> all;
    std::array<char, 4096> room{};
    boost::system::error_code ec;
    for (;;) {
      const std::size_t n = socket_.receive(asio::buffer(room), 0, ec);
      if (ec) return all;
      all.emplace_back(room.data(), n);
    }
  }

 private:
  asio::io_context io_;
  datagram_protocol::socket socket_;
  environment_variable variable_;
};

std::string unique_path() {
  return (std::filesystem::temp_directory_path() /
          ("coppice-notify-" + std::to_string(::getpid())))
      .string();
}

struct program : players {
  program() { coppice::set_report_sink(io, {}); }

  // A child that does something once it is up, and then waits.
  template <class F>
  static coppice::child_spec then(std::string id, F f) {
    return coppice::worker(std::move(id), [f]() -> asio::awaitable<void> {
      co_await coppice::yield();
      f();
      co_await coppice::sleep_for(1h);
    });
  }
  std::string log() { return take_log(); }

  asio::io_context io{1};
};

const auto terminate = [] { std::raise(SIGTERM); };

bool contains(const std::vector<std::string>& all, const std::string& text) {
  for (const std::string& one : all) {
    if (one.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a service manager hears when the program is up, and when it stops") {
  std::string name;
  SUBCASE("at a socket in the file system") { name = unique_path(); }
  SUBCASE("at an abstract one") { name = "@coppice-test-" + std::to_string(::getpid()); }
  manager m{name};
  program p;
  CHECK(coppice::run(p.io,
                     {.strategy = one_for_one,
                      .children = {p.child("a"), program::then("b", terminate)}},
                     {.notify_service_manager = true}) == coppice::exit_stopped);
  const auto heard = m.heard();
  REQUIRE(heard.size() >= 3);
  CHECK(heard[0] == "READY=1\nSTATUS=running, 3 processes");
  CHECK(heard[1] == "STOPPING=1\nSTATUS=stopping");
  // Two workers of 5 s each, and two steps of the notifier.
  CHECK(heard[2].starts_with("EXTEND_TIMEOUT_USEC=12000000\nSTATUS=stopping, "));
  CHECK_FALSE(contains(heard, "WATCHDOG"));
  std::filesystem::remove(unique_path());
}

TEST_CASE("a service manager hears that the program is up, and that it stops, after the program") {
  manager m{"@coppice-test-" + std::to_string(::getpid())};
  program p;
  std::vector<std::string> heard{"nothing"};
  const auto listen = [&](bool) { heard = m.heard(); };
  std::vector<std::string> heard_between;
  const auto body = [&]() -> asio::awaitable<void> {
    co_await coppice::yield();
    CHECK(heard.empty());
    heard_between = m.heard();
    heard = {"nothing"};
    std::raise(SIGTERM);
    co_await coppice::sleep_for(1h);
  };
  CHECK(coppice::run(p.io, {.strategy = one_for_one, .children = {coppice::worker("b", body)}},
                     {.on_ready = listen, .notify_service_manager = true}) == 0);
  CHECK(heard_between == std::vector<std::string>{"READY=1\nSTATUS=running, 2 processes"});
  CHECK(heard.empty());
  CHECK(contains(m.heard(), "STOPPING=1"));
}

TEST_CASE("a service manager that is busy hears it later, and nobody waits for that") {
  manager m{"@coppice-test-" + std::to_string(::getpid())};
  m.be_busy();
  program p;
  std::vector<std::string> heard;
  const auto body = [&]() -> asio::awaitable<void> {
    co_await coppice::yield();
    CHECK_FALSE(contains(m.heard(), "READY"));
    for (int left = 1000; left > 0 && heard.empty(); --left) {
      co_await coppice::sleep_for(1ms);
      heard = m.heard();
    }
    m.be_busy();
    std::raise(SIGTERM);
    try {
      co_await coppice::sleep_for(1h);
    } catch (const boost::system::system_error&) {
    }
    CHECK_FALSE(contains(m.heard(), "STOPPING"));
    for (int left = 1000; left > 0 && heard.size() < 3; --left) {
      co_await coppice::sleep_for(1ms);
      for (std::string& one : m.heard()) heard.push_back(std::move(one));
    }
  };
  CHECK(coppice::run(p.io, {.strategy = one_for_one, .children = {coppice::worker("b", body)}},
                     {.notify_service_manager = true}) == 0);
  REQUIRE(heard.size() == 3);
  CHECK(heard[0] == "READY=1\nSTATUS=running, 2 processes");
  CHECK(heard[1] == "STOPPING=1\nSTATUS=stopping");
  CHECK(heard[2].starts_with("EXTEND_TIMEOUT_USEC="));
}

TEST_CASE("nothing is told unless it is asked for, or to nobody") {
  const std::string name = "@coppice-test-" + std::to_string(::getpid());
  manager m{name};
  program p;
  SUBCASE("not asked for") {
    CHECK(coppice::run(p.io, {.strategy = one_for_one,
                              .children = {program::then("b", terminate)}}) == 0);
  }
  SUBCASE("to an address that leads nowhere") {
    for (const char* other : {"", "@", "/", "relative", "vsock:2:1234", "/nobody/is/here"}) {
      CAPTURE(other);
      const environment_variable elsewhere{"NOTIFY_SOCKET", other};
      CHECK(coppice::run(p.io,
                         {.strategy = one_for_one, .children = {program::then("b", terminate)}},
                         {.notify_service_manager = true}) == 0);
    }
  }
  CHECK(m.heard().empty());
}

TEST_CASE("a watchdog of the service manager is fed by the loop") {
  const std::string name = "@coppice-test-" + std::to_string(::getpid());
  manager m{name};
  const environment_variable time{"WATCHDOG_USEC", "2000"};
  std::optional<environment_variable> pid;
  bool expected = true;
  SUBCASE("of this process") { pid.emplace("WATCHDOG_PID", std::to_string(::getpid())); }
  SUBCASE("of whatever process") {}
  SUBCASE("but not of another one") {
    pid.emplace("WATCHDOG_PID", std::to_string(::getppid()));
    expected = false;
  }
  program p;
  std::vector<std::string> heard;
  // Ends when it has been fed twice, or when that would have been.
  const auto body = [&]() -> asio::awaitable<void> {
    int fed = 0;
    for (int left = 1000; fed < 2 && (expected || left > 990); --left) {
      co_await coppice::sleep_for(1ms);
      for (std::string& one : m.heard()) {
        fed += one == "WATCHDOG=1" ? 1 : 0;
        heard.push_back(std::move(one));
      }
    }
    std::raise(SIGTERM);
    co_await coppice::sleep_for(1h);
  };
  CHECK(coppice::run(p.io, {.strategy = one_for_one, .children = {coppice::worker("b", body)}},
                     {.notify_service_manager = true}) == 0);
  CHECK(contains(heard, "WATCHDOG=1") == expected);
}

TEST_CASE("a stop with a limit is over in time") {
  program p;
  p["a"].stop = stop_as::ignores;
  std::vector<std::string> killed;
  coppice::set_report_sink(p.io, [&](const coppice::report& r) {
    if (const auto* x = std::get_if<coppice::program_stopped>(&r)) {
      killed.assign(x->killed.begin(), x->killed.end());
    }
  });
  CHECK(coppice::run(p.io,
                     {.strategy = one_for_one,
                      .children = {coppice::supervisor(
                                       {.name = "inner",
                                        .strategy = one_for_one,
                                        .children = {p.child("a").with_shutdown(1h)}}),
                                   program::then("b", terminate)}},
                     {.stop_within = 200ms}) == coppice::exit_stopped);
  CHECK(p.log() == "+a *a -a");
  REQUIRE(killed.size() == 1);
  CHECK(killed[0] == "inner/a <3> (waited for a message)");
}

namespace {

// Work that is done once somebody lets it, and notes whether it has been let.
asio::awaitable<void> work_until(const bool* released, bool* finished) {
  while (!*released) co_await coppice::sleep_for(1ms);
  *finished = true;
}

asio::awaitable<void> returns() { co_return; }

struct job {
  asio::awaitable<void> operator()() const { return work_until(released, finished); }
  const bool* released;
  bool* finished;
};

class worker_server {
 public:
  struct work {
    const bool* released;
    bool* finished;
  };
  static asio::awaitable<void> handle(work w) { return work_until(w.released, w.finished); }
};

}  // namespace

TEST_CASE("what is under way is finished before the tree is stopped, by those who drain") {
  program p;
  coppice::time_limit drain = 1h;
  bool drains = true;
  run_options options;
  SUBCASE("as long as it takes") {}
  SUBCASE("for ever") { drain = coppice::infinity; }
  SUBCASE("not by others") {
    drain = 0s;
    drains = false;
  }
  SUBCASE("and not for longer than they may") {
    drain = 1ms;
    drains = false;
  }
  SUBCASE("nor than the whole stop has") {
    options.stop_within = 2ms;
    drains = false;
  }
  bool released = false;
  bool job_done = false;
  bool message_done = false;
  bool refused = false;
  const auto body = [&]() -> asio::awaitable<void> {
    const coppice::dynamic_supervisor_ref pool{"pool"};
    pool.start_child(coppice::worker("job", job{&released, &job_done})
                         .with_restart(coppice::temporary)
                         .with_shutdown(coppice::brutal_kill));
    const coppice::server_ref<worker_server> server{"server"};
    server.cast(worker_server::work{&released, &message_done});
    std::raise(SIGTERM);
    while (!refused) {
      auto late =
          pool.start_child(coppice::worker("late", returns).with_restart(coppice::temporary));
      try {
        co_await late.ready();
      } catch (const boost::system::system_error& e) {
        if (e.code() != coppice::errc::draining) throw;
        refused = true;
      }
    }
    released = drains;
    co_await coppice::sleep_for(1h);
  };
  CHECK(coppice::run(p.io,
                     {.strategy = one_for_one,
                      .children = {coppice::dynamic_supervisor({.name = "pool"}).with_drain(drain),
                                   coppice::server<worker_server>("server")
                                       .with_shutdown(coppice::brutal_kill)
                                       .with_drain(drain),
                                   coppice::worker("client", body)}},
                     options) == coppice::exit_stopped);
  CHECK(job_done == drains);
  CHECK(message_done == drains);
  if (drains) CHECK(refused);
}

TEST_CASE("readiness comes with the last child, and goes first, some time before the rest") {
  program p;
  std::string story;
  run_options options{.on_ready = [&](bool is) { story += is ? "ready " : "not "; }};
  SUBCASE("at once") {}
  SUBCASE("or after a while") { options.settle = 200ms; }
  bool settled = false;
  const auto body = [&]() -> asio::awaitable<void> {
    co_await coppice::yield();
    story += "up ";
    std::raise(SIGTERM);
    try {
      co_await coppice::sleep_for(5ms);
      settled = true;
      co_await coppice::sleep_for(1h);
    } catch (const boost::system::system_error&) {
      story += "stopped";
      throw;
    }
  };
  CHECK(coppice::run(p.io, {.strategy = one_for_one, .children = {coppice::worker("a", body)}},
                     options) == 0);
  CHECK(story == "ready up not stopped");
  CHECK(settled == (options.settle > 0ms));
}

TEST_CASE("a second signal ends all phases at once") {
  program p;
  run_options options;
  SUBCASE("while it settles") { options.settle = 1h; }
  SUBCASE("while it drains") {}
  bool done = false;
  const auto body = [&]() -> asio::awaitable<void> {
    const coppice::dynamic_supervisor_ref pool{"pool"};
    pool.start_child(coppice::worker("job", [&]() -> asio::awaitable<void> {
                       co_await coppice::sleep_for(1h);
                       done = true;
                     }).with_restart(coppice::temporary));
    std::raise(SIGTERM);
    co_await coppice::sleep_for(5ms);
    std::raise(SIGTERM);
    co_await coppice::sleep_for(1h);
  };
  CHECK(coppice::run(p.io,
                     {.strategy = one_for_one,
                      .children = {coppice::dynamic_supervisor({.name = "pool"}).with_drain(1h),
                                   coppice::worker("client", body)}},
                     options) == coppice::exit_hurried);
  CHECK_FALSE(done);
}

TEST_CASE("SIGUSR1 writes a dump to stderr, if that is asked for") {
  program p;
  const std::string text = printed([&] {
    CHECK(coppice::run(p.io,
                       {.name = "top",
                        .strategy = one_for_one,
                        .children = {p.child("a"),
                                     coppice::worker("b",
                                                     []() -> asio::awaitable<void> {
                                                       co_await coppice::yield();
                                                       std::raise(SIGUSR1);
                                                       co_await coppice::sleep_for(1ms);
                                                       std::raise(SIGTERM);
                                                       co_await coppice::sleep_for(1h);
                                                     })}},
                       {.dump_on_sigusr1 = true}) == 0);
  });
  CHECK(text.find("<1> top (supervisor) waits for its children") != std::string::npos);
  CHECK(text.find("  <2> a waits for a message") != std::string::npos);
}

TEST_CASE("options that break a rule are refused before anything starts") {
  program p;
  const std::string text = printed([&] {
    CHECK(coppice::run(p.io, {.strategy = one_for_one, .children = {p.child("a")}},
                       {.stop_within = 0s}) == coppice::exit_bad_spec);
  });
  CHECK(text == "coppice: the time of a whole stop must be above zero\n");
  CHECK(p.log().empty());
  const auto refused = [&](const run_options& o) {
    return printed([&] {
      CHECK(coppice::run(p.io, {.strategy = one_for_one, .children = {p.child("a")}}, o) ==
            coppice::exit_bad_spec);
    });
  };
  CHECK(refused({.settle = -1ms}) ==
        "coppice: the time in which a program settles must not be negative\n");
  CHECK(refused({.watchdog = 0s}) == "coppice: the limit of a watchdog must be above zero\n");
}
