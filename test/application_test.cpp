#include "support/scripted.hpp"

#include <coppice/applications.hpp>
#include <coppice/run_applications.hpp>

#include <doctest/doctest.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using coppice::application_env;
using coppice::application_spec;
using coppice::application_tree;
using coppice::one_for_one;
using coppice::permanent;
using coppice::program_options;
using coppice::supervisor_spec;
using coppice::temporary;
using coppice::transient;

namespace {

// What came of a start: "a b" are the applications that were started, or the error with its reason.
struct start_answer {
  std::string text;
  coppice::exit_reason failure;
};

struct applications : scene {
  // An application with one scripted child, which has its name.
  application_spec app(std::string name, std::vector<std::string> needs = {}) {
    application_spec spec{.name = name, .applications = std::move(needs)};
    spec.start = [this, name] { return tree(name); };
    return spec;
  }
  supervisor_spec tree(const std::string& child_name) {
    return {.name = child_name + ".supervisor",
            .strategy = one_for_one,
            .intensity = 0,
            .children = {child(child_name)}};
  }
  auto start_all(std::vector<application_spec> specs, program_options options = {}) {
    return supervise(coppice::applications_spec(std::move(specs), std::move(options)));
  }

  // Has a process ask for a start, and gives what comes of it once everything is settled.
  template <class Begin>
  std::shared_ptr<start_answer> asking(Begin begin) {
    const auto result = std::make_shared<start_answer>();
    const auto body = [result, begin]() -> coppice::task<> {
      auto starting = begin();
      const auto [ec, names] = co_await starting.ready()(asio::as_tuple(asio::deferred));
      result->text = ec ? ec.message() : "ok";
      for (const std::string& name : names) result->text += " " + name;
      result->failure = starting.failure();
    };
    coppice::spawn(io, body);
    return result;
  }
  template <class Begin>
  start_answer starts(Begin begin) {
    const auto result = asking(begin);
    clock.settle();
    return *result;
  }
  start_answer start(std::string name, coppice::restart type = temporary) {
    return starts([=] { return coppice::start_application(name, type); });
  }
  start_answer ensure(std::string name) {
    return starts([=] { return coppice::ensure_started(name); });
  }
  start_answer ensure_all(std::vector<std::string> names) {
    return starts([=] { return coppice::ensure_all_started(names); });
  }
  std::string stop(std::string name) {
    const auto result = std::make_shared<std::string>("nothing yet");
    const auto body = [result, name]() -> coppice::task<> {
      const auto [ec] = co_await coppice::stop_application(name)(asio::as_tuple(asio::deferred));
      *result = ec ? ec.message() : "ok";
    };
    coppice::spawn(io, body);
    clock.settle();
    return *result;
  }
  std::string states() {
    std::string text;
    for (const auto& one : coppice::which_applications(io)) {
      static const char* const names[] = {"loaded", "starting", "running", "stopping"};
      if (!text.empty()) text += ", ";
      text += one.name + ' ' + names[static_cast<int>(one.state)];
    }
    return text;
  }
  // The log as it is, for those who are called while things happen.
  std::string taken() { return take_log(); }
  bool reported(const std::string& part) const {
    for (const std::string& line : reports) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

}  // namespace

// APP-02, APP-03, APP-06, APP-13
TEST_CASE("applications are started after what they need, and stopped in reverse") {
  applications a;
  const auto root =
      a.start_all({a.app("shop", {"database", "log"}), a.app("log"), a.app("database", {"log"})});
  CHECK(a.log() == "+log +database +shop");
  CHECK(a.states() == "shop running, log running, database running");
  CHECK_FALSE(a.ask(root.stop()).error);
  CHECK(a.log() == "-shop -database -log");
  CHECK(a.states().empty());
}

TEST_CASE("an application that is started later is stopped first") {
  applications a;
  const auto root = a.start_all({a.app("one"), a.app("two")});
  coppice::load_application(a.io, a.app("late", {"one"}));
  CHECK(a.start("late").text == "ok late");
  CHECK(a.log() == "+one +two +late");
  CHECK_FALSE(a.ask(root.stop()).error);
  CHECK(a.log() == "-late -two -one");
}

// APP-02, APP-03, APP-04
TEST_CASE("a start tells what is in its way") {
  applications a;
  const auto root = a.start_all({a.app("log")});
  coppice::load_application(a.io, a.app("shop", {"database"}));
  coppice::load_application(a.io, a.app("database", {"log"}));

  const auto alone = a.start("shop");
  CHECK(alone.text == "the application, or one that it needs, is not started");
  CHECK(alone.failure.what() == "application shop needs one that is not started: database");
  const auto unknown = a.start("nobody");
  CHECK(unknown.text == "no such child or application");
  CHECK(unknown.failure.what() == "application nobody is not loaded");
  CHECK(a.log() == "+log");

  CHECK(a.ensure_all({"shop"}).text == "ok database shop");
  CHECK(a.log() == "+database +shop");
  CHECK(a.ensure_all({"shop"}).text == "ok");
  CHECK(a.ensure("shop").text == "ok");
  const auto again = a.start("shop");
  CHECK(again.text == "it runs already, or the name is taken");
  CHECK(again.failure.what() == "application shop runs already");
}

TEST_CASE("applications that need each other, or one that is not there, are not started") {
  applications a;
  const auto root = a.start_all({});
  coppice::load_application(a.io, a.app("a", {"b"}));
  coppice::load_application(a.io, a.app("b", {"c"}));
  coppice::load_application(a.io, a.app("c", {"b"}));
  coppice::load_application(a.io, a.app("d", {"gone"}));
  CHECK(a.ensure_all({"a"}).failure.what() ==
        "coppice: application b: b needs c needs b, and none of them can be the first");
  CHECK(a.ensure_all({"d"}).failure.what() ==
        "coppice: application d: d needs gone, which is not loaded");
  CHECK(a.log().empty());
}

// APP-03
TEST_CASE("if one of several does not start, those that were started for it are stopped") {
  applications a;
  const auto root = a.start_all({a.app("log")});
  coppice::load_application(a.io, a.app("database", {"log"}));
  coppice::load_application(a.io, a.app("cache"));
  coppice::load_application(a.io, a.app("shop", {"database", "cache"}));
  a["shop"].then = start_as::throws;
  CHECK(a.log() == "+log");
  CHECK(a.ensure_all({"shop"}).text == "the child did not start");
  CHECK(a.log() == "+database +cache !shop -cache -database");
  CHECK(a.states() == "log running, database loaded, cache loaded, shop loaded");
  a["shop"].then = start_as::up;
  CHECK(a.ensure_all({"shop"}).text == "ok database cache shop");
}

// APP-05
TEST_CASE("starts of one application at the same time are one, and all hear the same") {
  for (const bool works : {true, false}) {
    applications a;
    const auto root = a.start_all({});
    coppice::load_application(a.io, a.app("shop"));
    a["shop"].starts = {start_as::hangs};
    const auto first = a.asking([] { return coppice::start_application("shop"); });
    const auto second = a.asking([] { return coppice::ensure_started("shop"); });
    a.clock.settle();
    CHECK(first->text.empty());
    CHECK(a.states() == "shop starting");
    if (works) {
      a.comes_up("shop");
    } else {
      a.crashes("shop");
    }
    a.clock.settle();
    CHECK(first->text == (works ? "ok shop" : "the child did not start"));
    CHECK(second->text == first->text);
    CHECK(second->failure == first->failure);
    CHECK(a.starts_of("shop") == 1);
  }
}

TEST_CASE("an application that takes long to start does not hold up others") {
  applications a;
  const auto root = a.start_all({});
  coppice::load_application(a.io, a.app("slow"));
  coppice::load_application(a.io, a.app("quick"));
  a["slow"].then = start_as::hangs;
  const auto slow = a.asking([] { return coppice::start_application("slow"); });
  CHECK(a.start("quick").text == "ok quick");
  CHECK(slow->text.empty());
  CHECK(a.stop("slow") == "the application, or one that it needs, is not started");
  CHECK(a.states() == "slow starting, quick running");
  a.comes_up("slow");
  a.clock.settle();
  CHECK(slow->text == "ok slow");
}

// APP-01, APP-06
TEST_CASE("the functions of an application are called around its tree, and share a state") {
  applications a;
  std::vector<std::string> said;
  int starts = 0;
  application_spec spec{.name = "shop"};
  spec.start = [&]() -> asio::awaitable<application_tree> {
    const auto number = std::make_shared<int>(++starts);
    co_await coppice::sleep_for(1s);
    application_tree made{.root = a.tree("child")};
    made.prep_stop = [&a, &said, number]() -> asio::awaitable<void> {
      said.push_back("prep_stop " + std::to_string(*number) + " with " + a.taken());
      co_await coppice::sleep_for(2s);
    };
    made.stop = [&a, &said, number]() -> coppice::task<> {
      co_await coppice::sleep_for(3s);
      said.push_back("stop " + std::to_string(*number) + " with " + a.taken());
    };
    co_return made;
  };
  const auto root = a.supervise(coppice::applications_spec({spec}));
  CHECK(a.log().empty());
  a.clock.advance(1s);
  CHECK(a.pid_of("child").alive());
  CHECK(a.stop("shop") == "nothing yet");
  CHECK(said == std::vector<std::string>{"prep_stop 1 with +child"});
  CHECK(a.states() == "shop stopping");
  a.clock.advance(2s);
  CHECK_FALSE(a.pid_of("child").alive());
  a.clock.advance(3s);
  CHECK(said.back() == "stop 1 with -child");
  CHECK(a.states() == "shop loaded");

  const auto again = a.asking([] { return coppice::start_application("shop"); });
  a.clock.advance(1s);
  CHECK(again->text == "ok shop");
  CHECK(a.stop("shop") == "nothing yet");
  CHECK(said.back() == "prep_stop 2 with +child");
}

// APP-07
TEST_CASE("what the functions of a stop throw is reported, and the stop goes on") {
  applications a;
  application_spec spec{.name = "shop"};
  spec.start = [&] {
    return application_tree{.root = a.tree("child"),
                            .prep_stop = [] { throw std::runtime_error{"no way"}; },
                            .stop = [] { throw std::runtime_error{"no way either"}; }};
  };
  const auto root = a.start_all({spec, a.app("other")});
  CHECK(a.log() == "+child +other");
  CHECK(a.stop("shop") == "ok");
  CHECK(a.log() == "-child");
  CHECK(a.reported("application shop: prep_stop"));
  CHECK(a.reported("no way)"));
  CHECK(a.reported("application shop: stop"));
  CHECK(a.reported("no way either)"));
}

// APP-08
TEST_CASE("the stop function is called when the top supervisor has ended by itself, too") {
  for (const bool killed : {false, true}) {
    applications a;
    std::string said;
    application_spec spec{.name = "shop", .type = temporary};
    spec.start = [&] {
      return application_tree{.root = a.tree("child"),
                              .prep_stop = [&said] { said += "prep_stop "; },
                              .stop = [&said] { said += "stop"; }};
    };
    const auto root = a.start_all({spec});
    if (killed) {
      coppice::kill(coppice::whereis(a.io, "child.supervisor"));
    } else {
      a.crashes("child");
    }
    CHECK(a.log() == "+child -child");
    CHECK(said == "stop");
    CHECK(a.states() == "shop loaded");
    CHECK(a.reported(killed ? " stopped (killed)" : " stopped (shutdown)"));
    CHECK(root.alive());
  }
}

// APP-09
TEST_CASE("what the end of an application means depends on its type") {
  struct {
    coppice::restart type;
    bool normally;
    bool ends_program;
  } const cases[] = {{permanent, false, true}, {permanent, true, true},   {transient, false, true},
                     {transient, true, false}, {temporary, false, false}, {temporary, true, false}};
  for (const auto& one : cases) {
    applications a;
    application_spec spec = a.app("shop");
    spec.type = one.type;
    const auto root = a.start_all({spec, a.app("other")});
    CHECK(a.log() == "+shop +other");
    if (one.normally) {
      const coppice::supervisor_ref top{coppice::whereis(a.io, "shop.supervisor")};
      CHECK_FALSE(a.ask(top.stop()).error);
    } else {
      a.crashes("shop");
    }
    CHECK(a.log() == (one.ends_program ? "-shop -other" : "-shop"));
    CHECK(root.alive() != one.ends_program);
    CHECK(a.reported("application shop"));
    CHECK(a.reported("so the program ends") == one.ends_program);
  }
}

// APP-10
TEST_CASE("a start that fails ends the program, unless it is temporary") {
  for (const coppice::restart type : {permanent, transient, temporary}) {
    applications a;
    const auto root = a.start_all({a.app("other")});
    coppice::load_application(a.io, a.app("shop"));
    a["shop"].then = start_as::fails;
    const auto answer = a.start("shop", type);
    CHECK(answer.text == "the child did not start");
    CHECK(root.alive() == (type == temporary));
    CHECK(a.log() == (type == temporary ? "+other !shop" : "+other !shop -other"));
  }
}

TEST_CASE("when a program starts, a temporary application may fail, and others must not") {
  for (const coppice::restart type : {permanent, transient, temporary}) {
    applications a;
    application_spec spec = a.app("shop");
    spec.type = type;
    a["shop"].then = start_as::throws;
    const auto root = a.start_all({a.app("one"), spec, a.app("two")});
    CHECK(a.log() == (type == temporary ? "+one !shop +two" : "+one !shop -one"));
    CHECK(root.alive() == (type == temporary));
  }
}

// APP-11, APP-12
TEST_CASE("a stop that is asked for is the end of that application alone") {
  applications a;
  const auto root = a.start_all({a.app("database"), a.app("shop", {"database"})});
  CHECK(a.log() == "+database +shop");
  CHECK(a.stop("database") == "ok");
  CHECK(a.log() == "-database");
  CHECK(a.stop("database") == "the application, or one that it needs, is not started");
  CHECK(a.stop("nobody") == "the application, or one that it needs, is not started");
  CHECK(a.states() == "database loaded, shop running");
  std::string refused;
  const auto body = [&]() -> coppice::task<> {
    try {
      coppice::unload_application("shop");
    } catch (const std::invalid_argument& e) {
      refused = e.what();
    }
    coppice::unload_application("database");
    co_return;
  };
  coppice::spawn(a.io, body);
  a.clock.settle();
  CHECK(refused == "coppice: application shop: it runs");
  CHECK(a.states() == "shop running");
  CHECK(a.reported("application database"));
}

TEST_CASE("a process of an application may have that stopped") {
  applications a;
  application_spec spec{.name = "shop"};
  spec.start = [] {
    const auto body = []() -> coppice::task<> {
      co_await coppice::sleep_for(1s);
      co_await coppice::stop_application("shop");
    };
    return supervisor_spec{.strategy = one_for_one, .children = {coppice::worker("child", body)}};
  };
  const auto root = a.start_all({spec, a.app("other")});
  a.clock.advance(1s);
  CHECK(a.states() == "shop loaded, other running");
  CHECK(root.alive());
}

// APP-13
TEST_CASE("an application that takes too long to stop is killed") {
  applications a;
  application_spec spec = a.app("shop");
  spec.shutdown = 30s;
  spec.start = [&a] {
    supervisor_spec root = a.tree("shop");
    root.children.front().shutdown = coppice::infinity;
    return root;
  };
  a["shop"].stop = stop_as::ignores;
  const auto root = a.start_all({spec, a.app("other")});
  CHECK(a.stop("shop") == "nothing yet");
  a.clock.advance(29s);
  CHECK(a.log() == "+shop +other *shop");
  a.clock.advance(1s);
  CHECK(a.log() == "-shop");
  CHECK(a.states() == "shop loaded, other running");
}

// APP-15
TEST_CASE("nothing that an application has started is left of it") {
  applications a;
  coppice::pid left;
  application_spec spec{.name = "shop"};
  spec.start = [&left] {
    const auto body = [&left]() -> coppice::task<> {
      const auto forever = []() -> coppice::task<> { co_await coppice::sleep_for(1h); };
      left = coppice::spawn(forever);
      co_await coppice::sleep_for(1h);
    };
    return supervisor_spec{.strategy = one_for_one, .children = {coppice::worker("child", body)}};
  };
  const auto root = a.start_all({spec});
  CHECK(left.alive());
  CHECK(a.stop("shop") == "ok");
  CHECK_FALSE(left.alive());
}

// APP-17, APP-18
TEST_CASE("a start that fails tells who has failed, from the top down") {
  applications a;
  const auto root = a.start_all({});
  application_spec spec{.name = "shop"};
  spec.start = []() -> supervisor_spec { throw std::runtime_error{"no shelf"}; };
  coppice::load_application(a.io, spec);
  const auto thrown = a.start("shop");
  CHECK(thrown.text == "the child did not start");
  CHECK(thrown.failure.to_string() ==
        "std::runtime_error: application shop: its start function failed");
  CHECK(a.reported("its start function failed, caused by std::runtime_error: no shelf"));

  coppice::load_application(a.io, a.app("deep"));
  a["deep"].then = start_as::throws;
  const auto deep = a.start("deep");
  CHECK(deep.failure.to_string() ==
        "shutdown: failed to start child deep.supervisor (shutdown: failed to start child deep "
        "(std::runtime_error: no start))");

  application_spec wrong{.name = "wrong"};
  wrong.start = [&a] {
    return supervisor_spec{.strategy = one_for_one, .children = {a.child("b"), a.child("b")}};
  };
  coppice::load_application(a.io, wrong);
  CHECK(a.start("wrong").failure.what().find("b") != std::string::npos);
  CHECK(a.states() == "shop loaded, deep loaded, wrong loaded");
  CHECK(root.alive());
}

// APP-23
TEST_CASE("an application without a start function only counts as started") {
  applications a;
  const auto root =
      a.start_all({{.name = "units", .env = {{"metric", true}}}, a.app("shop", {"units"})});
  CHECK(a.log() == "+shop");
  CHECK(a.states() == "units running, shop running");
  CHECK(coppice::env_of(a.io, "units").get<bool>("metric"));
  CHECK(a.stop("units") == "ok");
  CHECK(a.states() == "units loaded, shop running");
  CHECK(a.start("units").text == "ok units");
}

TEST_CASE("a plan that breaks a rule is refused before anything starts") {
  applications a;
  const auto refusal = [&](std::vector<application_spec> specs, program_options options = {}) {
    try {
      [[maybe_unused]] const auto spec = coppice::applications_spec(std::move(specs), options);
    } catch (const std::invalid_argument& e) {
      return std::string{e.what()};
    }
    return std::string{"none"};
  };
  CHECK(refusal({{}}) == "coppice: an application needs a name");
  CHECK(refusal({a.app("a"), a.app("a")}) == "coppice: application a: one of that name is loaded");
  CHECK(refusal({a.app("a", {"b"})}) == "coppice: application a: a needs b, which is not loaded");
  CHECK(refusal({a.app("a", {"a"})}) ==
        "coppice: application a: a needs a, and none of them can be the first");
  application_spec late = a.app("a");
  late.shutdown = -1s;
  CHECK(refusal({late}) == "coppice: application a: its shutdown time must not be negative");
  CHECK(refusal({a.app("a")}, {.configuration = {{"b", {}}}}) ==
        "coppice: the configuration has an application that there is none of: b");
  CHECK(refusal({{.name = "a", .env = {{"key", coppice::mandatory<std::string>()}}}}) ==
        "coppice: the configuration of application a: what has to be set is not: key (or A_KEY)");
}

TEST_CASE("without applications there is nobody to start them") {
  applications a;
  coppice::load_application(a.io, a.app("shop"));
  CHECK(a.start("shop").text == "no such process");
  CHECK(a.stop("shop") == "no such process");
}
