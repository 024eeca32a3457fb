#include "support/world.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

using coppice::errc;
using coppice::exit_reason;
using coppice::server_ref;
namespace this_server = coppice::this_server;

namespace {

// The number server of the README, whose number outlives it.
class sequence {
 public:
  struct next {
    using reply = int;
  };
  struct add {
    int delta;
  };
  struct crash {};
  struct end {
    exit_reason reason;
  };
  struct save {
    using reply = std::string;
  };
  struct poison {};

  explicit sequence(int start) : number_{start} {}

  int handle(next) { return number_++; }
  void handle(add m) { number_ += m.delta; }
  void handle(crash) { throw std::runtime_error{"crash"}; }
  void handle(const end& m) { this_server::stop(m.reason); }
  void handle(poison) { number_ = -1; }
  asio::awaitable<std::string> handle(save) {
    auto saving = this_server::save(*this);
    co_await std::move(saving);
    co_return "saved";
  }

  int state() const {
    if (number_ == 1000) throw std::runtime_error{"no thousand"};
    return number_;
  }
  void restore(int number) {
    if (number < 0) throw std::runtime_error{"negative"};
    number_ = number;
  }

  friend std::string describe(const sequence& s) { return std::to_string(s.number_); }

 private:
  int number_;
};

struct desk : world {
  // What the call is answered, or why not.
  template <class M>
  std::string ask(M m) {
    std::string answer = "nothing";
    ref().call(m)([&answer](const boost::system::error_code& ec, auto value) {
      if constexpr (std::is_same_v<decltype(value), int>) {
        answer = ec ? ec.message() : std::to_string(value);
      } else {
        answer = ec ? ec.message() : value;
      }
    });
    clock.settle();
    return answer;
  }
  template <class M>
  void tell(M m) {
    ref().cast(m);
    clock.settle();
  }
  [[nodiscard]] server_ref<sequence> ref() { return {io, "sequence"}; }

  coppice::supervisor_ref start(std::vector<coppice::child_spec> children,
                                std::size_t restarts = 100) {
    auto sup = coppice::start_supervisor(io, {.strategy = coppice::strategy::rest_for_one,
                                              .intensity = restarts,
                                              .period = 5s,
                                              .children = std::move(children)});
    clock.settle();
    reports.clear();
    return sup;
  }
  [[nodiscard]] bool reported(const std::string& text) const {
    for (const std::string& r : reports) {
      if (r.find(text) != std::string::npos) return true;
    }
    return false;
  }
};

coppice::child_spec stashed(unsigned crashes = 3) {
  return coppice::server_with<sequence>(
      {.state = coppice::in_stash("stash"), .same_state_crashes = crashes}, "sequence", 123);
}

struct plain {
  struct m {};
  void handle(m) {}
};

}  // namespace

TEST_CASE("a class with state() and restore() hands its state over to the next incarnation") {
  desk w;
  const auto sup = w.start({coppice::server<sequence>("sequence", 123)});
  w.tell(sequence::add{3});
  CHECK(w.ask(sequence::next{}) == "126");
  w.tell(sequence::crash{});
  CHECK(w.ask(sequence::next{}) == "127");
  SUBCASE("killed too") {
    coppice::kill(w.ref().whereis());
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "128");
  }
  SUBCASE("ended normally too") {
    w.tell(sequence::end{exit_reason::normal()});
    CHECK(w.ask(sequence::next{}) == "128");
  }
  SUBCASE("stopped and restarted by hand too") {
    sup.terminate_child("sequence")([](auto) {});
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "no such process");
    sup.restart_child("sequence")([](auto, auto) {});
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "128");
  }
}

TEST_CASE("two children of the same spec do not hand over to one another") {
  desk w;
  const auto sup = coppice::start_supervisor(w.io, coppice::dynamic_supervisor_spec{});
  const auto spec = coppice::server<sequence>("", 1);
  std::vector<coppice::child_start> starts;
  for (int i = 0; i < 2; ++i) starts.push_back(sup.start_child(spec));
  std::vector<coppice::pid> pids;
  for (auto& s : starts) s.ready()([&pids](auto, auto child) { pids.push_back(child.process); });
  w.clock.settle();
  server_ref<sequence>{pids.at(0)}.cast(sequence::add{10});
  server_ref<sequence>{pids.at(0)}.cast(sequence::crash{});
  server_ref<sequence>{pids.at(1)}.cast(sequence::crash{});
  w.clock.settle();
  std::vector<std::string> states;
  for (const auto& p : coppice::processes(w.io)) {
    if (const auto s = coppice::sys::get_status(p)) states.push_back(s->state);
  }
  CHECK(states == std::vector<std::string>{"11", "1"});
}

TEST_CASE("a supervisor that starts anew starts its servers afresh") {
  desk w;
  const auto tree = coppice::supervisor({.name = "inner",
                                         .strategy = coppice::strategy::one_for_one,
                                         .children = {coppice::server<sequence>("sequence", 123)}});
  w.start({tree});
  w.tell(sequence::add{3});
  coppice::kill(coppice::process_ref{w.io, "inner"}.whereis());
  w.clock.settle();
  CHECK(w.ask(sequence::next{}) == "123");
}

TEST_CASE("a state that crashes three incarnations in a row is discarded, and a report says so") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)});
  w.tell(sequence::add{1});
  SUBCASE("by messages that it cannot take") {
    w.tell(sequence::crash{});
    w.tell(sequence::crash{});
    CHECK(w.ref().whereis());
    CHECK_FALSE(w.reported("afresh"));
    w.tell(sequence::crash{});
    CHECK(w.reported("starts afresh: its state crashed it 3 times in a row; state: 124"));
  }
  SUBCASE("at the start") {
    w.tell(sequence::poison{});
    w.tell(sequence::crash{});
    CHECK(w.reported("starts afresh: its state crashed it 3 times in a row; state: -1"));
  }
  CHECK(w.ask(sequence::next{}) == "123");
}

TEST_CASE("a state that changes between two crashes is not held against the server") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)});
  for (int i = 0; i < 10; ++i) {
    w.tell(sequence::add{1});
    w.tell(sequence::crash{});
  }
  CHECK(w.ask(sequence::next{}) == "133");
}

TEST_CASE("kills count neither for a state nor against it") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)});
  const auto kill = [&w] {
    coppice::kill(w.ref().whereis());
    w.clock.settle();
  };
  w.tell(sequence::crash{});
  w.tell(sequence::crash{});
  for (int i = 0; i < 5; ++i) kill();
  CHECK_FALSE(w.reported("afresh"));
  w.tell(sequence::crash{});
  CHECK(w.reported("afresh"));
}

TEST_CASE("the default number of crashes leaves a supervisor with the default budget one restart") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)}, 3);
  w.tell(sequence::poison{});
  w.tell(sequence::crash{});
  CHECK(w.ask(sequence::next{}) == "123");
}

TEST_CASE("a state that cannot be taken is lost, and a report says so") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)});
  w.tell(sequence::add{877});
  w.tell(sequence::crash{});
  CHECK(w.reported("has lost its state (std::runtime_error: no thousand)"));
  CHECK(w.ask(sequence::next{}) == "123");
}

TEST_CASE("a stash gives the state of a server to the next incarnation") {
  desk w;
  const auto sup = w.start({coppice::stash("stash"), stashed()});
  w.tell(sequence::add{3});
  CHECK(w.ask(sequence::next{}) == "126");
  w.tell(sequence::crash{});
  CHECK(w.ask(sequence::next{}) == "127");
  SUBCASE("killed too") {
    coppice::kill(w.ref().whereis());
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "128");
  }
  SUBCASE("under another supervisor too, and deleted from its own") {
    sup.terminate_child("sequence")([](auto) {});
    sup.delete_child("sequence")([](auto) {});
    w.clock.settle();
    coppice::start_supervisor(
        w.io, {.strategy = coppice::strategy::one_for_one, .children = {stashed()}});
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "128");
  }
}

TEST_CASE("a stash that crashes takes the states along, and under rest_for_one the servers") {
  desk w;
  w.start({coppice::stash("stash"), stashed()});
  w.tell(sequence::add{3});
  coppice::kill(coppice::process_ref{w.io, "stash"}.whereis());
  w.clock.settle();
  CHECK(w.ask(sequence::next{}) == "123");
  CHECK(w.reported("has lost its state (noproc)"));
}

TEST_CASE("a state that its stash has no time to take is reported as lost") {
  desk w;
  w.start({coppice::stash("stash"), stashed()});
  w.tell(sequence::add{3});
  coppice::kill(w.ref().whereis());
  coppice::kill(coppice::process_ref{w.io, "stash"}.whereis());
  w.clock.settle();
  CHECK(w.reported("server sequence <"));
  CHECK(w.reported("has lost its state"));
  CHECK(w.ask(sequence::next{}) == "123");
}

TEST_CASE("without its stash a server does not start") {
  desk w;
  const auto sup = coppice::start_supervisor(
      w.io, {.strategy = coppice::strategy::one_for_one, .children = {stashed()}});
  w.clock.settle();
  CHECK_FALSE(sup.alive());
  CHECK(w.reported("no such process"));
}

TEST_CASE("a stash counts the crashes of a state as a handover does") {
  desk w;
  w.start({coppice::stash("stash"), stashed(2)});
  w.tell(sequence::poison{});
  w.tell(sequence::crash{});
  CHECK(w.reported("starts afresh: its state crashed it 2 times in a row; state: -1"));
  CHECK(w.ask(sequence::next{}) == "123");
}

TEST_CASE("a server can save its state at any time") {
  desk w;
  w.start({coppice::stash("stash"), stashed()});
  w.tell(sequence::add{3});
  CHECK(w.ask(sequence::save{}) == "saved");
  const coppice::stash_ref<int> stash{w.io, "stash"};
  std::optional<int> found;
  stash.get("sequence")([&found](auto, auto f) { found = f; });
  w.clock.settle();
  CHECK(found == 126);
}

TEST_CASE("a server without a stash cannot save") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)});
  CHECK(w.ask(sequence::save{}) == "it ended before it had answered");
  CHECK(w.reported("this server has no stash to save its state in"));
}

TEST_CASE("a stash is a store for anybody") {
  desk w;
  w.start({coppice::stash("stash")});
  const coppice::stash_ref<std::string> stash{w.io, "stash"};
  std::string log;
  const auto use = [&]() -> asio::awaitable<void> {
    auto putting = stash.put("a", "one");
    co_await std::move(putting);
    auto again = stash.put("a", "two");
    co_await std::move(again);
    auto getting = stash.get("a");
    const std::optional<std::string> found = co_await std::move(getting);
    log += found.value_or("nothing") + ' ';
    auto listing = stash.keys();
    log += std::to_string((co_await std::move(listing)).size()) + ' ';
    auto erasing = stash.erase("a");
    log += (co_await std::move(erasing)) ? "erased " : "not there ";
    auto missing = stash.get("a");
    log += (co_await std::move(missing)).value_or("nothing");
  };
  coppice::spawn(w.io, use);
  w.clock.settle();
  CHECK(log == "two 1 erased nothing");
}

TEST_CASE("what is kept as one type cannot be read as another") {
  desk w;
  w.start({coppice::stash("stash")});
  coppice::stash_ref<int>{w.io, "stash"}.put("a", 1)([](auto) {});
  w.clock.settle();
  boost::system::error_code why;
  coppice::stash_ref<std::string>{w.io, "stash"}.get("a")([&why](auto ec, auto) { why = ec; });
  w.clock.settle();
  CHECK(why == errc::unreadable);
}

TEST_CASE("options that cannot work are refused by what is given the server") {
  const auto make = [](coppice::server_options o, const char* name) {
    const coppice::child_spec spec = coppice::server_with<sequence>(o, name, 1);
    coppice::check_child_specs({&spec, 1});
  };
  CHECK_THROWS_WITH(make({.same_state_crashes = 0}, "s"),
                    "coppice: server \"s\": it starts afresh after at least one crash, not none");
  CHECK_THROWS_WITH(make({.mailbox = {.limit = 0}}, "s"),
                    "coppice: server \"s\": its queue has room for at least one message");
  CHECK_THROWS_WITH(make({.state = coppice::in_stash("stash")}, ""),
                    "coppice: server \"\": its state is kept under its name, and it has none");
  coppice::state_place texts = coppice::in_stash("stash");
  texts.type = &typeid(std::string);
  CHECK_THROWS_WITH(make({.state = texts}, "s"),
                    "coppice: server \"s\": its state() returns another type than the place for "
                    "its state is made for");
  const coppice::server_options kept{.state = coppice::in_stash("stash")};
  const coppice::child_spec stateless = coppice::server_with<plain>(kept, "p");
  CHECK_THROWS_WITH(coppice::check_child_specs({&stateless, 1}),
                    "coppice: server \"p\": a state is kept of classes that have state() and "
                    "restore()");
}

TEST_CASE("an end in order between two crashes begins the count anew") {
  desk w;
  w.start({coppice::server<sequence>("sequence", 123)});
  w.tell(sequence::add{1});
  for (int i = 0; i < 3; ++i) {
    w.tell(sequence::crash{});
    w.tell(sequence::crash{});
    w.tell(sequence::end{exit_reason::normal()});
  }
  CHECK_FALSE(w.reported("afresh"));
  CHECK(w.ask(sequence::next{}) == "124");
}

TEST_CASE(
    "a restart for the sake of a sibling hands over too; a child that is deleted takes its state "
    "along") {
  for (const auto strategy : {coppice::strategy::one_for_all, coppice::strategy::rest_for_one}) {
    desk w;
    const auto sup = coppice::start_supervisor(
        w.io,
        {.strategy = strategy,
         .children = {
             coppice::worker("sibling", [] { return coppice::sleep_for(1h)(asio::use_awaitable); }),
             coppice::server<sequence>("sequence", 123)}});
    w.clock.settle();
    w.tell(sequence::add{3});
    for (const auto& p : coppice::processes(w.io)) {
      if (p.number() == 2) coppice::kill(p);
    }
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "126");
    sup.terminate_child("sequence")([](auto) {});
    sup.delete_child("sequence")([](auto) {});
    w.clock.settle();
    auto starting = sup.start_child(coppice::server<sequence>("sequence", 123));
    starting.ready()([](auto, auto) {});
    w.clock.settle();
    CHECK(w.ask(sequence::next{}) == "123");
  }
}

TEST_CASE("a transient child that has ended in order has its state when it is restarted by hand") {
  desk w;
  auto spec = coppice::server<sequence>("sequence", 123);
  spec.restart = coppice::restart::transient;
  const auto sup = w.start({spec});
  w.tell(sequence::add{3});
  w.tell(sequence::end{exit_reason::normal()});
  CHECK(w.ask(sequence::next{}) == "no such process");
  sup.restart_child("sequence")([](auto, auto) {});
  w.clock.settle();
  CHECK(w.ask(sequence::next{}) == "126");
}

TEST_CASE("each partition has a state of its own to hand over") {
  desk w;
  coppice::start_supervisor(
      w.io, coppice::partition_supervisor_spec{
                .name = "partitions", .child = coppice::server<sequence>("", 0), .partitions = 3});
  w.clock.settle();
  const auto servers = [&w] {
    std::vector<coppice::pid> found;
    for (const auto& p : coppice::processes(w.io)) {
      if (coppice::sys::get_status(p)) found.push_back(p);
    }
    return found;
  };
  int number = 0;
  for (const auto& p : servers()) server_ref<sequence>{p}.cast(sequence::add{++number});
  w.clock.settle();
  for (const auto& p : servers()) coppice::kill(p);
  w.clock.settle();
  std::vector<std::string> states;
  for (const auto& p : servers()) states.push_back(coppice::sys::get_status(p)->state);
  std::ranges::sort(states);
  CHECK(states == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("a second server of a name does not start, and leaves the state of the first alone") {
  desk w;
  w.start({coppice::stash("stash"), stashed()});
  w.tell(sequence::add{3});
  const auto other = coppice::start_supervisor(
      w.io, {.strategy = coppice::strategy::one_for_one, .children = {stashed()}});
  w.clock.settle();
  CHECK_FALSE(other.alive());
  w.tell(sequence::crash{});
  CHECK(w.ask(sequence::next{}) == "126");
}

namespace {

// Keeps states, each after a while.
class slow_store final : public coppice::detail::stash_store {
 public:
  using kept_state = coppice::detail::kept_state;
  struct shelf {
    std::chrono::milliseconds time{};
    std::map<std::string, kept_state> states{};
  };

  explicit slow_store(std::shared_ptr<shelf> s) : shelf_{std::move(s)} {}

  void put(std::string key, kept_state state, coppice::reply_to<void> done) override {
    later([key, state, done = std::move(done)](shelf& s) mutable {
      s.states[key] = state;
      std::move(done)();
    });
  }
  void get(std::string key, coppice::reply_to<kept_state> found) override {
    later([key, found = std::move(found)](shelf& s) mutable { std::move(found)(s.states[key]); });
  }
  void erase(std::string, coppice::reply_to<bool> done) override { std::move(done)(false); }
  void keys(coppice::reply_to<std::vector<std::string>> found) override { std::move(found)(); }
  void finish(coppice::reply_to<void> done) override { std::move(done)(); }

 private:
  template <class F>
  void later(F f) {
    coppice::spawn([on = shelf_, f = std::make_shared<F>(std::move(f))]() -> asio::awaitable<void> {
      co_await coppice::sleep_for(on->time);
      (*f)(*on);
    });
  }

  std::shared_ptr<shelf> shelf_;
};

}  // namespace

TEST_CASE("a server waits 5 s for its stash, and is started again then") {
  desk w;
  const auto shelf = std::make_shared<slow_store::shelf>();
  w.start(
      {coppice::detail::stash_of("stash", [shelf] { return std::make_unique<slow_store>(shelf); }),
       stashed()});
  w.tell(sequence::add{3});
  shelf->time = 4s;
  w.tell(sequence::crash{});
  SUBCASE("in time") {
    w.clock.advance(4s);
    CHECK(w.ask(sequence::next{}) == "126");
  }
  SUBCASE("too late") {
    coppice::kill(w.ref().whereis());
    w.clock.settle();
    shelf->time = 6s;
    coppice::kill(w.ref().whereis());
    w.clock.advance(5s);
    CHECK(w.reported("time ran out"));
    shelf->time = 1s;
    w.clock.advance(6s);
    CHECK(w.ask(sequence::next{}) == "126");
  }
  SUBCASE("the stash killed in between") {
    w.clock.advance(1s);
    coppice::kill(coppice::process_ref{w.io, "stash"}.whereis());
    w.clock.advance(10s);
    CHECK(w.ask(sequence::next{}) == "126");
  }
}

namespace {

// A state that cannot always be copied.
struct delicate {
  delicate() = default;
  delicate(const delicate& other) : number{other.number} { check(); }
  delicate& operator=(const delicate& other) {
    number = other.number;
    check();
    return *this;
  }
  delicate(delicate&&) noexcept = default;
  delicate& operator=(delicate&&) noexcept = default;
  bool operator==(const delicate&) const = default;
  static void check() {
    if (left == 0) return;
    --left;
    throw std::runtime_error{"not to be copied"};
  }

  int number = 0;
  static inline int left = 0;  // so many copies fail
};

class vase {
 public:
  struct fill {};
  struct crash {};

  void handle(fill) { ++state_.number; }
  void handle(crash) { throw std::runtime_error{"crash"}; }
  delicate state() const {
    delicate s;
    s.number = state_.number;
    return s;
  }
  void restore(delicate&& s) { state_.number = s.number; }
  friend std::string describe(const vase& v) { return std::to_string(v.state_.number); }

 private:
  delicate state_;
};

}  // namespace

TEST_CASE("a state that cannot be copied now is found by a later start, and the stash lives on") {
  desk w;
  auto in_memory = coppice::server_with<vase>({.state = coppice::in_stash("stash")}, "vase");
  auto handed = coppice::server<vase>("vase");
  bool stash = false;
  SUBCASE("handed over") { stash = false; }
  SUBCASE("in a stash") { stash = true; }
  w.start({coppice::stash("stash"), stash ? in_memory : handed});
  const coppice::pid keeper = coppice::process_ref{w.io, "stash"}.whereis();
  const server_ref<vase> ref{w.io, "vase"};
  ref.cast(vase::fill{});
  w.clock.settle();
  delicate::left = 1;
  ref.cast(vase::crash{});
  w.clock.settle();
  CHECK(delicate::left == 0);
  CHECK(keeper.alive());
  CHECK(coppice::sys::get_status(ref.whereis())->state == "1");
}

namespace {

// Waits for what cannot be cancelled.
struct stuck {
  struct hang {};
  explicit stuck(std::vector<std::function<void()>>* l) : later{l} {}
  asio::awaitable<void> handle(hang) {
    number = 1;
    return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [this](auto handler) {
          auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          later->push_back([shared] {
            const auto ex = asio::get_associated_executor(*shared);
            asio::dispatch(ex, std::move(*shared));
          });
        },
        asio::use_awaitable);
  }
  int state() const { return number; }
  void restore(int n) { number = n; }
  friend std::string describe(const stuck& s) { return std::to_string(s.number); }
  std::vector<std::function<void()>>* later;
  int number = 0;
};

}  // namespace

TEST_CASE("the state of an abandoned server is lost, and does not spoil that of the next") {
  std::vector<std::function<void()>> later;
  desk w;
  bool stash = false;
  SUBCASE("handed over") { stash = false; }
  SUBCASE("in a stash") { stash = true; }
  w.start(
      {coppice::stash("stash"),
       coppice::server_with<stuck>({.state = {.stash = stash ? "stash" : ""}}, "stuck", &later)});
  const server_ref<stuck> ref{w.io, "stuck"};
  ref.cast(stuck::hang{});
  w.clock.settle();
  coppice::kill(ref.whereis());
  w.clock.advance(1s);
  REQUIRE(ref.whereis());
  CHECK_FALSE(w.reported("has lost its state"));
  for (const auto& complete : later) complete();
  w.clock.settle();
  CHECK(w.reported("has lost its state (killed)"));
  coppice::kill(ref.whereis());
  w.clock.settle();
  CHECK(coppice::sys::get_status(ref.whereis())->state == "0");
}
