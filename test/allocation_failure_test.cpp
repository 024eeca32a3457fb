// Every allocation of a play fails once, in turn, and in runs of seven: see support/play.hpp.

#include "support/play.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <any>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::exit_reason;
using coppice::pid;
using coppice::supervisor_spec;
using coppice::worker;
namespace this_server = coppice::this_server;

namespace {

// Names of that length lie on the heap.
constexpr const char* long_name = "a name that is too long to lie in a string object itself";

#ifdef COPPICE_TEST_TASKS
constexpr bool has_tasks = true;
#else
constexpr bool has_tasks = false;
#endif

// Waits for what never comes.
coroutine<> waits() { co_await coppice::sleep_for(std::chrono::steady_clock::duration::max()); }
coroutine<> sleeps() { co_await coppice::sleep_for(1s); }
coroutine<> returns() { co_return; }
coroutine<> throws() {
  throw std::runtime_error{"crash"};
  co_return;
}
coroutine<> throws_later() {
  co_await coppice::sleep_for(1s);
  throw std::runtime_error{"crash"};
}
coroutine<> calls_exit() { co_await coppice::exit(exit_reason::error("enough")); }
// Asked to stop, it waits a little longer.
coroutine<> cleans_up() {
  try {
    co_await coppice::sleep_for(std::chrono::steady_clock::duration::max());
  } catch (const boost::system::system_error&) {
  }
  co_await coppice::sleep_for(10ms);
}

// ---- Processes

struct ways_to_end : play {
  void act() override {
    for (auto* body : {&returns, &throws, &throws_later, &calls_exit, &sleeps}) spawn(body);
    call([this] { watch(coppice::spawn(io(), waits(), long_name)); });
    settle();
    const pid asked = spawn(&cleans_up);
    const pid killed = spawn(&waits);
    const pid never_run = spawn(&waits);
    call([&] { coppice::kill(never_run); });
    settle();
    call([&] { coppice::exit(asked, exit_reason::shutdown("no more")); });
    call([&] { coppice::kill(killed); });
    settle();
    pass(2s);
  }
};

struct links : play {
  void act() override {
    spawn([this]() -> coroutine<> {
      const pid a = coppice::spawn_link(waits);
      watch(a);
      const pid b = coppice::spawn_link(&waits);
      watch(b);
      const pid c = coppice::spawn(waits);
      watch(c);
      coppice::link(c);
      co_await coppice::yield();
      coppice::unlink(b);
      co_await coppice::sleep_for(1s);
      coppice::exit(a, exit_reason::error("broken"));
      co_await coppice::sleep_for(1s);
    });
    settle();
    pass(1s);
  }
};

struct traps : play {
  void act() override {
    spawn([this]() -> coroutine<> {
      coppice::mailbox<coppice::exit_signal> box;
      coppice::trap_exit(box);
      watch(coppice::spawn_link(throws));
      watch(coppice::spawn_link(&throws_later));
      const pid c = coppice::spawn_link(waits);
      watch(c);
      for (int i = 0; i < 2; ++i) {
        const auto signal = co_await box.receive();
        static_cast<void>(signal);
      }
      coppice::unlink(c);
      coppice::kill(c);
      coppice::untrap_exit();
      coppice::link(c);
      co_await coppice::sleep_for(1s);
    });
    settle();
    pass(2s);
  }
};

struct monitors : play {
  void act() override {
    spawn([this]() -> coroutine<> {
      coppice::mailbox<coppice::down> box;
      const pid a = coppice::spawn(throws_later);
      watch(a);
      const pid b = coppice::spawn(waits);
      watch(b);
      auto first = coppice::monitor(a, box);
      auto second = coppice::monitor(b, box);
      coppice::demonitor(second);
      const coppice::down d = co_await box.receive();
      static_cast<void>(d);
      coppice::kill(b);
      const exit_reason why = co_await coppice::await_exit(b);
      static_cast<void>(why);
      first = coppice::monitor(b, box);
      const coppice::down gone = co_await box.receive();
      static_cast<void>(gone);
    });
    settle();
    pass(2s);
  }
};

struct names : play {
  names() { use_name(long_name); }
  void act() override {
    const auto named = []() -> coroutine<> {
      coppice::register_name(long_name);
      coppice::set_label(long_name);
      co_await coppice::sleep_for(1s);
      coppice::unregister_name();
      coppice::register_name(long_name);
      co_await coppice::sleep_for(1s);
      throw std::runtime_error{"crash"};
    };
    const pid first = spawn(named);
    settle();
    spawn(named);  // the name is taken
    settle();
    if (first.alive() && coppice::whereis(io(), long_name) != first) {
      wrong.add("a process has another's name");
    }
    pass(3s);
    spawn(named);
    settle();
  }
};

struct registries : play {
  std::optional<coppice::unique_registry<std::string, std::string>> unique;
  std::optional<coppice::duplicate_registry<std::string, int>> duplicate;
  std::string heard;

  void act() override {
    if (!call([this] {
          unique.emplace(io());
          duplicate.emplace(io());
          unique->listen([this](const coppice::registry_event<std::string>& e) {
            heard = e.key;
          });
        })) {
      return;
    }
    const auto registers = [this]() -> coroutine<> {
      static_cast<void>(unique->register_self(long_name, long_name));
      duplicate->register_self(long_name, 1);
      duplicate->register_self(long_name, 2);
      const auto found = duplicate->lookup(long_name);
      static_cast<void>(found);
      co_await coppice::sleep_for(1s);
      duplicate->unregister(long_name);
      co_await coppice::sleep_for(1s);
    };
    spawn(registers);
    spawn(registers);
    settle();
    pass(1s);
  }
  void check() override {
    pass(10s);
    if (!unique || !duplicate) return;
    if (unique->count() + duplicate->count() > 0) wrong.add("an entry is left");
  }
};

// ---- Messages

struct mailboxes : play {
  void act() override {
    spawn([this]() -> coroutine<> {
      coppice::mailbox<std::string> box;
      coppice::mailbox<int> bounded{{.limit = 1, .when_full = coppice::overflow::drop_oldest}};
      const auto to = box.get_address();
      spawn([to]() -> coroutine<> {
        to.send(long_name);
        co_await coppice::yield();
        to.send(long_name);
      });
      for (int i = 0; i < 2; ++i) {
        const std::string s = co_await box.receive();
        static_cast<void>(s);
      }
      coppice::send_after(to, 1s, long_name);
      auto cancelled = coppice::send_after(to, 2s, long_name);
      const auto late = co_await box.receive(10ms);
      static_cast<void>(late);
      const auto there = co_await box.receive(5s);
      static_cast<void>(there);
      cancelled.cancel();
      bounded.get_address().send(1);
      bounded.get_address().send(2);
      const int n = co_await bounded.receive();
      static_cast<void>(n);
      spawn([to]() -> coroutine<> {
        to.send(long_name);
        co_await coppice::yield();
      });
      const auto woken = co_await box.receive(5s);
      static_cast<void>(woken);
    });
    settle();
    pass(10s);
  }
};

struct semaphores : play {
  std::optional<coppice::semaphore> permits;

  void act() override {
    if (!call([this] { permits.emplace(1); })) return;
    const auto takes = [this]() -> coroutine<> {
      const coppice::permit mine = co_await permits->acquire();
      co_await coppice::sleep_for(1s);
    };
    const auto takes_in_time = [this]() -> coroutine<> {
      const auto mine = co_await permits->acquire(1500ms);
      co_await coppice::sleep_for(1s);
    };
    spawn(takes);
    spawn(takes);
    const pid killed = spawn(takes);
    spawn(takes_in_time);
    spawn(takes_in_time);
    settle();
    call([&] { coppice::kill(killed); });
    pass(2s);
  }
  void check() override {
    pass(10s);
    if (permits && permits->available() != 1) wrong.add("a permit is lost");
  }
};

coroutine<int> long_way(int n) {
  co_await coppice::sleep_for(1s);
  co_return n;
}

struct deadlines : play {
  static constexpr bool uses_co_spawn = !has_tasks;  // for the coroutines that have a deadline

  void act() override {
    spawn([]() -> coroutine<> {
      auto in_time = coppice::with_deadline(long_way(1), 5s);
      const int n = co_await std::move(in_time);
      static_cast<void>(n);
      try {
        auto late = coppice::with_deadline(long_way(1), 10ms);
        const int m = co_await std::move(late);
        static_cast<void>(m);
      } catch (const boost::system::system_error&) {
      }
      coppice::mailbox<int> box;
      try {
        auto waiting = coppice::with_deadline(box.receive(), 10ms);
        const int m = co_await std::move(waiting);
        static_cast<void>(m);
      } catch (const boost::system::system_error&) {
      }
    });
    settle();
    pass(3s);
  }
};

// ---- Tasks

struct tasks : play {
  void act() override {
    spawn([this]() -> coroutine<> {
      auto one = coppice::async([] { return long_way(1); }, long_name);
      watch(one.process());
      auto two = coppice::async([] { return long_way(2); });
      const int n = co_await one.await();
      static_cast<void>(n);
      const auto m = co_await two.yield(10ms);
      static_cast<void>(m);
      auto three = coppice::async([] { return long_way(3); });
      const auto left = co_await three.shutdown(1s);
      static_cast<void>(left);
      std::vector<coppice::async_task<int>> many;
      for (int i = 0; i < 3; ++i) many.push_back(coppice::async([i] { return long_way(i); }));
      auto all = coppice::await_many(many);
      const std::vector<int> values = co_await std::move(all);
      static_cast<void>(values);
      for (auto& t : many) t = coppice::async([] { return long_way(1); });
      auto some = coppice::yield_many(
          many, {.limit = 10ms, .on_timeout = coppice::unfinished_tasks::kill_task});
      const auto results = co_await std::move(some);
      static_cast<void>(results);
    });
    settle();
    pass(10s);
  }
};

struct streams : play {
  static constexpr bool uses_co_spawn = has_tasks;  // for `next`, which is an awaitable

  void act() override {
    spawn([]() -> coroutine<> {
      std::vector<int> numbers{1, 2, 3};
      auto stream = coppice::async_stream(std::move(numbers), long_way, {.max_concurrency = 2});
      while (const auto item = co_await stream.next()) static_cast<void>(item);
    });
    spawn([]() -> coroutine<> {
      std::vector<int> numbers{1, 2, 3};
      auto stream = coppice::async_stream(
          std::move(numbers), long_way,
          {.max_concurrency = 2, .limit = 10ms, .on_timeout = coppice::stream_timeout::kill_task});
      while (const auto item = co_await stream.next()) static_cast<void>(item);
    });
    settle();
    pass(10s);
  }
};

struct task_supervisors : play {
  static constexpr bool uses_co_spawn = has_tasks;  // for `next`, which is an awaitable

  void act() override {
    coppice::task_supervisor_ref tasks{pid{}};
    if (!call([&] { tasks = coppice::start_task_supervisor(io(), {.name = "tasks"}); })) return;
    watch(tasks.whereis());
    use_name("tasks");
    spawn([tasks]() -> coroutine<> {
      auto one = tasks.async([] { return long_way(1); });
      const int n = co_await one.await();
      static_cast<void>(n);
      auto two = tasks.async_nolink([]() -> coroutine<int> {
        co_await coppice::sleep_for(10ms);
        throw std::runtime_error{"crash"};
      });
      const auto m = co_await two.yield();
      static_cast<void>(m);
      auto three = tasks.start_child([]() -> coroutine<> { co_await coppice::sleep_for(10ms); },
                                     {.label = long_name});
      const auto started = co_await three.ready();
      static_cast<void>(started);
      std::vector<int> numbers{1, 2, 3};
      auto stream =
          tasks.async_stream_nolink(std::move(numbers), long_way, {.max_concurrency = 2});
      while (const auto item = co_await stream.next()) static_cast<void>(item);
    });
    settle();
    pass(10s);
  }
};

// ---- Servers

class office {
 public:
  struct get {
    using reply = std::string;
  };
  struct add {
    std::string text;
  };
  struct later {
    using reply = std::string;
  };
  struct slowly {
    using reply = std::string;
  };
  struct crash {};
  struct crash_called {
    using reply = int;
  };
  struct watch {
    pid process;
  };
  struct go_idle {};
  struct end {
    using reply = std::string;
  };

  office() = default;

  void init() { text_ = long_name; }
  void terminate(const exit_reason&) { last_words_ = std::string{long_name}; }
  std::string state() const { return text_; }
  void restore(std::string text) { text_ = std::move(text); }

  std::string handle(get) { return text_; }
  void handle(const add& m) { text_ += m.text; }
  void handle(later, coppice::reply_to<std::string> to) {
    if (owed_) std::move(*owed_)(text_);
    owed_.emplace(std::move(to));
  }
  coroutine<std::string> handle(slowly) {
    co_await coppice::sleep_for(10ms);
    co_return text_;
  }
  void handle(crash) { throw std::runtime_error{long_name}; }
  int handle(crash_called) { throw std::runtime_error{long_name}; }
  void handle(const watch& m) { this_server::monitor(m.process); }
  void handle(const coppice::down&) { text_ += "down"; }
  void handle(const coppice::exit_signal&) { text_ += "signal"; }
  void handle(go_idle) { this_server::idle_after(10ms); }
  void handle(coppice::idle_timeout) { this_server::continue_with(*this, add{long_name}); }
  std::string handle(end) {
    this_server::stop();
    return text_;
  }
  void undelivered(const add& m) { text_ += m.text; }

 private:
  std::string text_;
  std::string last_words_;
  std::optional<coppice::reply_to<std::string>> owed_;
};

// Calls, and takes an error for an answer.
template <class M>
coroutine<> ask(play& p, coppice::server_ref<office> to, M m) {
  const play::asking a{p};
  try {
    auto calling = to.call(std::move(m));
    const auto answer = co_await std::move(calling);
    static_cast<void>(answer);
  } catch (const boost::system::system_error&) {
  }
}

// A server under a supervisor: "office" is served as long as that lives.
struct served : play {
  pid supervisor;

  bool serve(coppice::child_spec spec) {
    const bool made = call([&] {
      supervisor_spec s{
          .name = "top", .strategy = coppice::one_for_one, .intensity = 100, .children = {}};
      s.children.push_back(std::move(spec));
      supervisor = coppice::start_supervisor(io(), std::move(s)).get_pid();
    });
    watch(supervisor);
    use_name("top");
    use_name("office");
    settle();
    return made;
  }
  template <class M>
  void asks(M m) {
    spawn([this, m]() -> coroutine<> {
      const coppice::server_ref<office> to{"office"};
      auto question = ask(*this, to, m);
      co_await std::move(question);
    });
    settle();
  }
  template <class M>
  void casts(M m) {
    call([&] { coppice::server_ref<office>{io(), "office"}.cast(std::move(m)); });
  }
  void check() override {
    if (!supervisor.alive()) return;
    bool answered = false;
    coppice::server_ref<office>{io(), "office"}.call(office::get{})(
        [&answered](const boost::system::error_code& ec, const std::string&) { answered = !ec; });
    settle();
    if (!answered) wrong.add("the server of a living supervisor does not answer");
  }
};

struct servers : served {
  void act() override {
    if (!serve(coppice::server<office>("office"))) return;
    asks(office::get{});
    casts(office::add{long_name});
    asks(office::later{});
    asks(office::later{});
    asks(office::slowly{});
    pass(20ms);
    casts(office::go_idle{});
    pass(20ms);
    const pid seen = spawn(&sleeps);
    casts(office::watch{seen});
    pass(1s);
    casts(office::add{long_name});
    casts(office::crash{});
    casts(office::add{long_name});
    settle();
    asks(office::crash_called{});
    asks(office::end{});
    asks(office::get{});
    pass(1s);
  }
};

struct servers_asked_together : served {
  void act() override {
    if (!serve(coppice::server<office>("office"))) return;
    spawn([this]() -> coroutine<> {
      const asking a{*this};
      const coppice::server_ref<office> to{"office"};
      auto first = to.send_request(office::get{});
      const std::string s = co_await first.receive_response(1s);
      static_cast<void>(s);
      auto second = to.send_request(office::slowly{});
      const bool there = co_await second.wait_response(1ms);
      static_cast<void>(there);
      coppice::request_set<std::string, std::string> set;
      set.add(long_name, std::move(second));
      set.add("b", to.send_request(office::get{}));
      while (set.size() > 0) {
        const auto r = co_await set.receive_response(1s);
        static_cast<void>(r);
      }
      // It stops while requests wait.
      auto third = to.send_request(office::later{});
      auto stopping = to.stop(exit_reason::normal(), 1s);
      co_await std::move(stopping);
      const auto c = co_await third.wait_response(1s);
      static_cast<void>(c);
    });
    settle();
    pass(5s);
  }
};

struct servers_in_a_stash : served {
  void act() override {
    const bool made = call([&] {
      supervisor_spec s{
          .name = "top", .strategy = coppice::rest_for_one, .intensity = 100, .children = {}};
      s.children.push_back(coppice::stash("stash"));
      s.children.push_back(coppice::server_with<office>(
          {.mailbox = {.limit = 2}, .state = coppice::in_stash("stash")}, "office"));
      supervisor = coppice::start_supervisor(io(), std::move(s)).get_pid();
    });
    if (!made) return;
    watch(supervisor);
    use_name("top");
    use_name("office");
    settle();
    pass(10ms);
    casts(office::add{long_name});
    casts(office::add{long_name});
    casts(office::add{long_name});
    settle();
    casts(office::crash{});
    settle();
    pass(10ms);
    asks(office::get{});
    pass(10s);
  }
};

struct agents : play {
  void act() override {
    coppice::agent_ref<std::string> a{pid{}};
    const bool made = call([&] {
      a = coppice::start_agent<std::string>(io(), "agent", [] { return long_name; });
    });
    if (!made) return;
    watch(a.whereis());
    use_name("agent");
    spawn([this, a]() -> coroutine<> {
      const asking mine{*this};
      auto reading = a.get([](const std::string& s) { return s; });
      const std::string s = co_await reading.result();
      static_cast<void>(s);
      auto changing = a.update([](std::string& t) { t += "!"; });
      co_await changing.result();
      a.cast([](std::string& t) { t += "!"; });
      auto both = a.get_and_update([](std::string& t) { return std::exchange(t, long_name); });
      const std::string before = co_await both.result();
      static_cast<void>(before);
      auto stopping = a.stop();
      co_await std::move(stopping);
    });
    settle();
    pass(10s);
  }
};

// A server on another loop, which is called by a process of this one and from outside of processes.
struct other_loop : play {
  std::optional<asio::io_context> other;
  std::optional<coppice::virtual_clock> their_time;

  void act() override {
    coppice::server_ref<office> to{pid{}};
    const bool made = call([&] {
      other.emplace(1);
      their_time.emplace(*other);
      coppice::set_report_sink(*other, {});
      to = coppice::start_server<office>(*other, "office");
    });
    if (!made) return;
    both();
    spawn([this, to]() -> coroutine<> {
      for (int i = 0; i < 2; ++i) {
        auto question = ask(*this, to, office::get{});
        co_await std::move(question);
      }
      auto slow = ask(*this, to, office::slowly{});
      co_await std::move(slow);
      auto crashing = ask(*this, to, office::later{});
      co_await std::move(crashing);
    });
    both();
    loop([this] { their_time->advance(20ms); });
    both();
    call([&] { to.cast(office::crash{}); });
    both();
    pass(10s);
    both();
  }
  void both() {
    for (int i = 0; i < 8 && other; ++i) {
      settle();
      loop([this] { their_time->settle(); });
    }
  }
  void check() override {
    both();
    pass(10s);
    both();
  }
  ~other_loop() override {
    destroy_loop();
    other.reset();
  }
};

}  // namespace

#define PLAY(type) \
  TEST_CASE("whatever allocation fails: " #type) { playing::all<type>(#type); }

PLAY(ways_to_end)
PLAY(links)
PLAY(traps)
PLAY(monitors)
PLAY(names)
PLAY(registries)
PLAY(mailboxes)
PLAY(semaphores)
PLAY(deadlines)
PLAY(tasks)
PLAY(streams)
PLAY(task_supervisors)
PLAY(servers)
PLAY(servers_asked_together)
PLAY(servers_in_a_stash)
PLAY(agents)
PLAY(other_loop)
