// Every allocation of a play fails once, in turn, and in runs of seven: plays of supervision trees.

#include "support/play.hpp"

#include <coppice/acceptor.hpp>
#include <coppice/acceptor_ref.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#ifdef COPPICE_TEST_TASKS
constexpr auto use_lean_coroutine = asio::deferred;
#else
constexpr asio::use_awaitable_t<coppice::executor> use_lean_coroutine{};
#endif

using coppice::exit_reason;
using coppice::pid;
using coppice::supervisor_spec;
using coppice::worker;

namespace {

using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, coppice::executor>;

// Errors are results, not exceptions.
constexpr auto as_result = asio::as_tuple(use_lean_coroutine);

constexpr const char* long_name = "a name that is too long to lie in a string object itself";

coroutine<> waits() { co_await coppice::sleep_for(std::chrono::steady_clock::duration::max()); }

// A play whose children crash now and then, but not for ever.
struct crashing : play {
  int crashes_left = 8;

  coppice::child_spec crashes(const char* id) {
    return worker(id, [this] { return crash_or_wait(*this); });
  }
  static coroutine<> crash_or_wait(crashing& p) {
    co_await coppice::sleep_for(1s);
    if (p.crashes_left-- > 0) throw std::runtime_error{long_name};
    co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
  }
};

// A tree under "top". While that lives, its permanent children do.
struct tree : crashing {
  coppice::supervisor_ref top;
  std::size_t permanent = 0;

  bool start(supervisor_spec spec) {
    permanent = spec.children.size();
    const bool made = call([&] { top = coppice::start_supervisor(io(), std::move(spec)); });
    if (made) watch(top.get_pid());
    use_name("top");
    settle();
    return made;
  }
  // A child that leaves its pid where it can be killed.
  coppice::child_spec child(const char* id) {
    return worker(id, [this, id]() -> coroutine<> {
      latest[id[0] - 'a'] = coppice::self();
      co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
    });
  }
  void kill(char id) {
    const pid p = latest[static_cast<std::size_t>(id - 'a')];
    call([&] { coppice::kill(p); });
    settle();
  }
  void crash(char id) {
    const pid p = latest[static_cast<std::size_t>(id - 'a')];
    call([&] { coppice::exit(p, exit_reason::error(long_name)); });
    settle();
  }
  // Asks for it until it is answered: with an error, too.
  template <class Operation>
  void ask(Operation make) {
    spawn([this, make]() -> coroutine<> {
      const asking a{*this};
      try {
        auto operation = make();
        co_await std::move(operation);
      } catch (const boost::system::system_error&) {
      }
    });
    settle();
    pass(10ms);
  }
  void check() override {
    if (!top.get_pid().alive()) return;
    std::size_t up = 0;
    top.count_children()(
        [&up](boost::system::error_code, const coppice::child_counts& n) { up = n.active; });
    settle();
    if (up < permanent) wrong.add("a child of a living supervisor is down");
  }

  pid latest[8];
};

struct one_for_one : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 100,
                      .children = {}};
    s.children.push_back(child("a"));
    s.children.push_back(child("b").with_shutdown(coppice::brutal_kill));
    if (!start(std::move(s))) return;
    kill('a');
    crash('b');
    kill('a');
    for (int i = 0; i < 6; ++i) kill('b');
    pass(10s);
    ask([this] { return top.stop(); });
  }
  void check() override {
    if (stopped_) return;
    tree::check();
  }
  bool stopped_ = false;
};

template <coppice::strategy How>
struct group : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = How, .intensity = 100, .children = {}};
    s.children.push_back(child("a"));
    s.children.push_back(child("b"));
    s.children.push_back(child("c"));
    if (!start(std::move(s))) return;
    crash('b');
    kill('a');
    kill('c');
    pass(10s);
  }
};
using one_for_all = group<coppice::one_for_all>;
using rest_for_one = group<coppice::rest_for_one>;

// The budget is spent, and the supervisor above starts the one below again.
struct escalation : tree {
  void act() override {
    supervisor_spec inner{.name = "inner", .strategy = coppice::one_for_one, .intensity = 1,
                          .period = 1h, .children = {}};
    inner.children.push_back(crashes("crashes"));
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 2,
                      .period = 1h, .children = {}};
    s.children.push_back(coppice::supervisor(std::move(inner)));
    if (!start(std::move(s))) return;
    use_name("inner");
    pass(20s);
  }
};

// A start that fails, one that is acknowledged late, one that is ignored.
struct starts : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 100,
                      .children = {}};
    s.children.push_back(worker("slow", [this](coppice::init_ack up) -> coroutine<> {
                           co_await coppice::sleep_for(10ms);
                           up.ready(std::string{long_name});
                           auto working = crash_or_wait(*this);
                           co_await std::move(working);
                         }).with_start_limit(1s));
    s.children.push_back(child("a"));
    if (!start(std::move(s))) return;
    pass(5s);
    const auto late = [](coppice::init_ack) -> coroutine<> {
      co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
    };
    ask([this, late] {
      auto adding = top.start_child(worker("late", late).with_start_limit(1s));
      return adding.ready();
    });
    pass(2s);
    const auto ignores = [](coppice::init_ack up) -> coroutine<> { co_await up.ignore(); };
    ask([this, ignores] {
      auto adding = top.start_child(worker("ignores", ignores));
      return adding.ready();
    });
    pass(2s);
  }
  void check() override {}
};

struct management : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 100,
                      .children = {}};
    s.children.push_back(child("a"));
    if (!start(std::move(s))) return;
    permanent = 0;
    ask([this] {
      auto adding = top.start_child(child("b"));
      return adding.ready();
    });
    ask([this] {
      auto again = top.start_child(child("b"));
      return again.ready();
    });
    ask([this] { return top.terminate_child("b"); });
    ask([this] { return top.restart_child("b"); });
    ask([this] { return top.which_children(); });
    ask([this] { return top.count_children(); });
    ask([this] { return top.which_child("b"); });
    ask([this] { return top.get_child_spec("b"); });
    ask([this] { return top.terminate_child("b"); });
    ask([this] { return top.delete_child("b"); });
    ask([this] { return top.delete_child("none"); });
    ask([this] { return top.ready(); });
    call([this] {
      const auto plan = coppice::plan_stop(top, 1s);
      last_report = to_string(plan);
    });
    ask([this] { return coppice::stop_within(top, 1s); });
  }
};

struct dynamic_supervisors : crashing {
  void act() override {
    coppice::dynamic_supervisor_ref top;
    const bool made = call([&] {
      top = coppice::start_supervisor(
          io(), coppice::dynamic_supervisor_spec{.name = "top", .intensity = 100});
    });
    if (!made) return;
    watch(top.get_pid());
    use_name("top");
    spawn([this, top]() -> coroutine<> {
      const asking a{*this};
      auto early = top.start_child(crashes(long_name));
      const auto first = co_await early.ready();
      static_cast<void>(first);
      auto starting = top.start_child(worker(long_name, waits).with_restart(coppice::temporary));
      const auto second = co_await starting.ready();
      watch(second.process);
      auto more = top.start_child(worker(long_name, waits));
      const auto third = co_await more.ready();
      const auto found = co_await top.which_child(third.process);
      static_cast<void>(found);
      co_await top.terminate_child(third.process);
      coppice::kill(second.process);
      const auto all = co_await top.which_children();
      static_cast<void>(all);
      co_await coppice::sleep_for(3s);
    });
    settle();
    pass(5s);
    spawn([this, top]() -> coroutine<> {
      const asking a{*this};
      co_await top.stop(exit_reason::normal(), 30s);
    });
    pass(1s);
  }
};

struct templates : play {
  void act() override {
    coppice::simple_one_for_one_ref<std::string> top;
    const bool made = call([&] {
      supervisor_spec s{.name = "top", .strategy = coppice::simple_one_for_one, .intensity = 100,
                        .children = {}};
      s.children.push_back(coppice::template_worker<std::string>(
          "copy", [](std::string) -> coroutine<> { return waits(); }));
      top = coppice::start_supervisor(io(), std::move(s));
    });
    if (!made) return;
    watch(top.get_pid());
    use_name("top");
    spawn([this, top]() -> coroutine<> {
      const asking a{*this};
      auto starting = top.start_child(long_name);
      const auto first = co_await starting.ready();
      watch(first.process);
      coppice::kill(first.process);
      co_await coppice::yield();
      const auto n = co_await top.count_children();
      static_cast<void>(n);
    });
    settle();
    pass(1s);
  }
};

struct partitions : play {
  void act() override {
    coppice::partition_supervisor_ref top;
    const bool made = call([&] {
      top = coppice::start_supervisor(
          io(), coppice::partition_supervisor_spec{
                    .name = "top", .child = worker("part", waits), .partitions = 3,
                    .intensity = 100});
    });
    if (!made) return;
    watch(top.get_pid());
    use_name("top");
    settle();
    spawn([this, top]() -> coroutine<> {
      const asking a{*this};
      const pid p = top.process_for(std::string{long_name});
      coppice::kill(p);
      co_await coppice::yield();
      auto smaller = top.resize(1);
      const std::size_t n = co_await std::move(smaller);
      static_cast<void>(n);
      auto larger = top.resize(3);
      const std::size_t m = co_await std::move(larger);
      static_cast<void>(m);
    });
    settle();
    pass(1s);
  }
};

// Terms that OTP does not know.
struct terms : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::rest_for_one, .intensity = 100,
                      .children = {}};
    s.children.push_back(worker("gated", waits).starts_when(coppice::ready_of(long_name)));
    s.children.push_back(worker("named", []() -> coroutine<> {
      coppice::register_name(long_name);
      co_await coppice::sleep_for(1s);
      coppice::unregister_name();
      coppice::register_name(long_name);
      co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
    }));
    s.children.push_back(crashes("backs off")
                             .with_backoff({.min = 100ms, .max = 1s, .seed = 1}));
    s.children.push_back(
        crashes("parked")
            .with_restart_limit({.intensity = 1, .period = 1h, .probe_after = 3s}));
    if (!start(std::move(s))) return;
    use_name(long_name);
    pass(12s);
    ask([this] { return top.restart_child("parked"); });
    pass(2s);
    ask([this] { return top.terminate_child("backs off"); });
    ask([this] { return top.terminate_child("parked"); });
  }
  void check() override {
    if (!top.get_pid().alive()) return;
    top.stop()([](boost::system::error_code) {});
    settle();
    pass(30s);
    if (top.get_pid().alive()) wrong.add("a supervisor does not stop");
  }
};

struct terms_that_drop : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 100,
                      .children = {}};
    s.children.push_back(
        crashes("dropped")
            .with_restart_limit(
                {.intensity = 1, .period = 1h, .then = coppice::when_spent::drop}));
    s.children.push_back(
        crashes("escalates")
            .with_restart_limit(
                {.intensity = 3, .period = 1h, .then = coppice::when_spent::escalate}));
    if (!start(std::move(s))) return;
    pass(12s);
  }
  void check() override {}
};

struct progress : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 3,
                      .period = 1h, .children = {}};
    s.children.push_back(worker("works", []() -> coroutine<> {
                           for (int i = 0; i < 5; ++i) co_await coppice::sleep_for(500ms);
                           co_await coppice::sleep_for(1h);
                         }).with_progress_limit(1s));
    if (!start(std::move(s))) return;
    pass(30s);
  }
  void check() override {}
};

// The significant child ends, and so does the supervisor that is a part of a process.
struct within : play {
  void act() override {
    spawn([]() -> coroutine<> {
      supervisor_spec s{.name = "inside",
                        .strategy = coppice::one_for_one,
                        .auto_shutdown = coppice::auto_shutdown::any_significant,
                        .children = {}};
      s.children.push_back(worker("waits", waits));
      s.children.push_back(worker("ends", []() -> coroutine<> {
                             co_await coppice::sleep_for(1s);
                           }).with_restart(coppice::transient).with_significant());
      auto life = coppice::supervise(std::move(s));
      const auto end = co_await life.end();
      static_cast<void>(end);
    });
    use_name("inside");
    settle();
    pass(5s);
  }
};

// Many stop at once, and some of them do not obey.
struct stops : tree {
  void act() override {
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .children = {}};
    s.children.push_back(worker("stubborn", []() -> coroutine<> {
                           for (;;) {
                             try {
                               co_await coppice::sleep_for(
                                   std::chrono::steady_clock::duration::max());
                             } catch (const boost::system::system_error&) {
                             }
                           }
                         }).with_shutdown(1s));
    supervisor_spec inner{.name = "inner", .strategy = coppice::one_for_one, .children = {}};
    for (const char* id : {"a", "b", "c"}) inner.children.push_back(child(id));
    s.children.push_back(coppice::supervisor(std::move(inner)));
    s.children.push_back(coppice::dynamic_supervisor({.name = "pool"}));
    if (!start(std::move(s))) return;
    use_name("inner");
    use_name("pool");
    call([this] {
      const coppice::dynamic_supervisor_ref pool{io(), "pool"};
      pool.start_child(worker(long_name, waits).with_shutdown(2s));
      pool.start_child(worker(long_name, waits).with_shutdown(3s));
    });
    settle();
    call([this] { last_report = coppice::dump(io()); });
    ask([this] { return coppice::stop_within(top, 10s); });
    pass(20s);
  }
  void check() override {}
};

struct summed_up : crashing {
  void act() override {
    const bool made = call([this] {
      coppice::set_report_sink(
          io(), coppice::sum_up(
                    io(), [this](const coppice::report& r) { last_report = to_string(r); },
                    {.at_once = 1, .period = 1s}));
    });
    if (!made) return;
    for (int i = 0; i < 4; ++i) {
      call([this] { coppice::spawn(io(), crash_or_wait(*this), long_name); });
      settle();
    }
    pass(5s);
  }
};

struct programs : play {
  void act() override {
    {
      // Asio keeps a service for signals in a list of the program's, also if it could not be made.
      const failing_memory::suspended made;
      const asio::signal_set signals{io()};
    }
    call([&] {
      supervisor_spec s{.name = "program",
                        .strategy = coppice::one_for_one,
                        .auto_shutdown = coppice::auto_shutdown::any_significant,
                        .children = {}};
      s.children.push_back(worker("waits", waits));
      s.children.push_back(worker("ends", []() -> coroutine<> {
                             co_await coppice::yield();
                           }).with_restart(coppice::transient).with_significant());
      coppice::run(io(), std::move(s), {.on_ready = [](bool) {}});
    });
    io().restart();
  }
};

// Sends back one message, and waits for the end of the connection.
lean_coroutine<> echo(tcp_socket socket) {
  char data[16];
  for (;;) {
    const auto [ended, n] = co_await socket.async_read_some(asio::buffer(data), as_result);
    if (ended) co_return;
    const auto [lost, sent] = co_await asio::async_write(socket, asio::buffer(data, n), as_result);
    if (lost) co_return;
  }
}

// A client connects, talks and leaves, with real sockets.
struct acceptors : tree {
  void act() override {
    accepts = true;
    supervisor_spec s{.name = "top", .strategy = coppice::one_for_one, .intensity = 100,
                      .children = {}};
    s.children.push_back(coppice::acceptor(
        asio::ip::tcp::endpoint{asio::ip::address_v4::loopback(), 0}, echo, {.name = "server"}));
    if (!start(std::move(s))) return;
    use_name("server");
    for (int i = 0; i < 2; ++i) {
      talk();
      pass(1s);
    }
  }
  void talk() {
    asio::ip::tcp::endpoint to;
    call([&] {
      try {
        to = coppice::acceptor_ref{io(), "server"}.local_endpoint();
      } catch (const boost::system::system_error&) {
        // It does not listen, for want of memory.
      }
    });
    if (to.port() == 0) return;
    boost::system::error_code ec;
    std::optional<asio::io_context> other;
    std::optional<asio::ip::tcp::socket> client;
    {
      const failing_memory::suspended given;  // the client is not what is tried here
      other.emplace(1);
      client.emplace(*other);
      client->connect(to, ec);
      if (!ec) client->non_blocking(true, ec);
      if (!ec) client->write_some(asio::buffer("hello", 5), ec);
    }
    for (int i = 0; i < 50; ++i) {
      settle();
      const failing_memory::suspended again;
      char data[16];
      const std::size_t n = client->read_some(asio::buffer(data), ec);
      if (n > 0 || ec != asio::error::would_block) return;
    }
  }
  void check() override {
    if (!top.get_pid().alive()) return;
    bool listens = false;
    try {
      listens = coppice::acceptor_ref{io(), "server"}.is_listening();
    } catch (const boost::system::system_error&) {
    }
    if (!listens) wrong.add("an acceptor does not listen again");
  }
};

}  // namespace

#define PLAY(type) \
  TEST_CASE("whatever allocation fails: " #type) { playing::all<type>(#type); }

PLAY(one_for_one)
PLAY(one_for_all)
PLAY(rest_for_one)
PLAY(escalation)
PLAY(starts)
PLAY(management)
PLAY(dynamic_supervisors)
PLAY(templates)
PLAY(partitions)
PLAY(terms)
PLAY(terms_that_drop)
PLAY(progress)
PLAY(within)
PLAY(stops)
PLAY(summed_up)
PLAY(programs)
PLAY(acceptors)
