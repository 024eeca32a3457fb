#include "support/world.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
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
                                              .intensity = {.restarts = restarts, .within = 5s},
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

TEST_CASE("options that cannot work are refused where they are given") {
  const auto make = [](coppice::server_options o, const char* name) {
    return coppice::server_with<sequence>(o, name, 1);
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
  CHECK_THROWS_WITH(auto s = coppice::server_with<plain>(kept, "p"),
                    "coppice: server \"p\": a state is kept of classes that have state() and "
                    "restore()");
}
