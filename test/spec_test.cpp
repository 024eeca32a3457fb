#include "support/scripted.hpp"

#include <doctest/doctest.h>
#include <coppice/partition_supervisor.hpp>
#include <coppice/task_supervisor.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using coppice::auto_shutdown;
using coppice::child_spec;
using coppice::one_for_one;
using coppice::supervisor_spec;

namespace {

asio::awaitable<void> nothing() { co_return; }

// What is said against a spec, or nothing.
std::string refusal(const child_spec& spec, auto_shutdown mode = auto_shutdown::never) {
  try {
    coppice::check_child_specs({&spec, 1}, mode);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}

bool says(const std::string& refusal, const char* text) {
  return refusal.find(text) != std::string::npos;
}

// What a call that is given a bad spec says of it.
template <class Call>
std::string thrown_by(Call call) {
  try {
    call();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}

// Says by itself how it is supervised.
struct greeter {
  static coppice::child_spec child_spec(std::string& log, std::string name) {
    return coppice::worker("greeter", [&log, name] { return greet(log, name); })
        .with_restart(coppice::transient)
        .with_shutdown(1s);
  }
  static asio::awaitable<void> greet(std::string& log, std::string name) {
    log += "hello " + name + ' ';
    co_await coppice::sleep_for(1h);
  }
};

}  // namespace

// SPEC-01
TEST_CASE("a spec without id or without start function is refused, each with its own words") {
  CHECK(says(refusal({.start = nothing}), "missing id"));
  CHECK(says(refusal({.id = "a"}), "missing start"));
  CHECK(says(refusal({.id = "a"}), "\"a\""));
  CHECK(refusal({.id = "a", .start = nothing}).empty());
}

// SPEC-02
TEST_CASE("a child is a permanent worker that is not significant unless something else is said") {
  const child_spec spec{.id = "a", .start = nothing};
  CHECK(spec.restart == coppice::permanent);
  CHECK(spec.type == coppice::child_type::worker);
  CHECK_FALSE(spec.significant);
}

// SPEC-03, API-19
TEST_CASE("a worker has five seconds to shut down, a supervisor all the time it needs") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{
      .strategy = one_for_one,
      .children = {s.child("a"),
                   coppice::supervisor({.name = "inner", .strategy = one_for_one})}});
  const answer worker = s.ask(sup.get_child_spec("a"));
  const answer inner = s.ask(sup.get_child_spec("inner"));
  REQUIRE(worker.spec);
  REQUIRE(inner.spec);
  CHECK(worker.spec->shutdown == coppice::shutdown{5s});
  CHECK(inner.spec->shutdown == coppice::shutdown{coppice::infinity});
  CHECK(inner.spec->type == coppice::child_type::supervisor);
  CHECK(s.ask(sup.get_child_spec("b")).error == errc::not_found);
}

// SPEC-05
TEST_CASE("two specs of the same id are refused") {
  scene s;
  const std::vector<child_spec> specs{s.child("a"), s.child("b"), s.child("a")};
  CHECK_THROWS_AS(coppice::check_child_specs(specs), std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      coppice::start_supervisor(s.io, supervisor_spec{.strategy = one_for_one, .children = specs}),
      "coppice: child \"a\": its id is in use (duplicate id)", std::invalid_argument);
  CHECK(s.log().empty());
}

// SPEC-06, SPEC-08
TEST_CASE("a restart or a type out of range is refused") {
  CHECK(says(refusal({.id = "a", .start = nothing, .restart = coppice::restart{7}}), "restart"));
  CHECK(says(refusal({.id = "a", .start = nothing, .type = coppice::child_type{7}}), "type"));
}

// SPEC-07
TEST_CASE("a shutdown may be any time from zero up, unlimited or brutal, but not negative") {
  const child_spec spec{.id = "a", .start = nothing};
  CHECK(refusal(spec.with_shutdown(0s)).empty());
  CHECK(refusal(spec.with_shutdown(1ms)).empty());
  CHECK(refusal(spec.with_shutdown(coppice::infinity)).empty());
  CHECK(refusal(spec.with_shutdown(coppice::brutal_kill)).empty());
  CHECK(says(refusal(spec.with_shutdown(-1ms)), "negative"));
  CHECK(says(refusal(spec.with_shutdown(std::chrono::hours::min())), "negative"));
}

// SPEC-07
TEST_CASE("a shutdown time in any unit is at most the longest that the clock can show") {
  using coppice::shutdown;
  CHECK(shutdown{std::chrono::hours::max()}.time() == shutdown::duration::max());
  CHECK(shutdown{std::chrono::duration<double>{1e300}}.time() == shutdown::duration::max());
  CHECK(shutdown{shutdown::duration::max()}.time() == shutdown::duration::max());
  CHECK(shutdown{shutdown::duration::max() - 1ns}.time() == shutdown::duration::max() - 1ns);
  CHECK(shutdown{std::chrono::duration<double>{1.5}}.time() == 1500ms);
}

TEST_CASE("a start limit must be above zero") {
  CHECK(says(refusal({.id = "a", .start = nothing, .start_limit = 0s}), "start limit"));
  CHECK(refusal({.id = "a", .start = nothing, .start_limit = 1ns}).empty());
}

// SPEC-09, SPEC-11
TEST_CASE("only what returns an awaitable is a start function") {
  const auto text = [] { return std::string{}; };
  const auto takes_text = [](std::string) { return nothing(); };
  CHECK_FALSE(std::is_constructible_v<coppice::start_function, decltype(text)>);
  CHECK_FALSE(std::is_constructible_v<coppice::start_function, decltype(takes_text)>);
  CHECK_FALSE(std::is_constructible_v<coppice::start_function, int>);
  CHECK(std::is_constructible_v<coppice::start_function, decltype(&nothing)>);
}

// SPEC-12
TEST_CASE("specs are checked for a given automatic shutdown without starting anything") {
  scene s;
  const child_spec spec = s.child("a").with_restart(coppice::transient).with_significant();
  CHECK(says(refusal(spec), "auto_shutdown"));
  CHECK(refusal(spec, auto_shutdown::any_significant).empty());
  CHECK(refusal(spec, auto_shutdown::all_significant).empty());
  CHECK(s.starts_of("a") == 0);
}

// SPEC-13
TEST_CASE("a bad spec is found before the first child is started") {
  scene s;
  CHECK_THROWS_AS(
      coppice::start_supervisor(s.io, supervisor_spec{.strategy = one_for_one,
                                                      .children = {s.child("a"), {.id = "b"}}}),
      std::invalid_argument);
  CHECK(s.log().empty());
  CHECK(coppice::processes(s.io).empty());
}

// SPEC-13
TEST_CASE("the specs of a nested supervisor are checked with those of the outermost one") {
  scene s;
  const child_spec inner = coppice::supervisor(
      {.name = "inner", .strategy = one_for_one, .children = {s.child("a"), {.id = "b"}}});
  const child_spec outer =
      coppice::supervisor({.name = "outer", .strategy = one_for_one, .children = {inner}});
  const std::string said =
      "supervisor \"inner\": child \"b\": it needs a start function (missing start)";
  CHECK(refusal(inner) == "coppice: " + said);
  CHECK(refusal(outer) == "coppice: supervisor \"outer\": " + said);
  CHECK(refusal(inner.with_id("other")) == "coppice: child \"other\": " + said);
  const supervisor_spec root{
      .name = "root", .strategy = one_for_one, .children = {s.child("a"), outer}};
  const std::string all = "coppice: supervisor \"root\": supervisor \"outer\": " + said;
  CHECK(thrown_by([&] { coppice::check(root); }) == all);
  CHECK(thrown_by([&] { coppice::start_supervisor(s.io, root); }) == all);
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  CHECK(thrown_by([&] { sup.start_child(inner); }) == "coppice: " + said);
  CHECK(s.log().empty());
}

// SPEC-13
TEST_CASE("a nested supervisor of any kind is refused with its own words") {
  const auto none = std::function<supervisor_spec()>{};
  CHECK(refusal(coppice::supervisor("a", none)) ==
        "coppice: supervisor \"a\": it needs an init function");
  CHECK(refusal(coppice::dynamic_supervisor({.name = "a", .period = 0s})) ==
        "coppice: supervisor \"a\": its period must be above zero");
  CHECK(refusal(coppice::task_supervisor({.name = "a", .period = 0s})) ==
        "coppice: supervisor \"a\": its period must be above zero");
  CHECK(refusal(coppice::partition_supervisor(
            {.name = "a", .child = coppice::worker("w", nothing), .partitions = 0})) ==
        "coppice: partition supervisor \"a\": the number of its partitions must be above zero");
}

TEST_CASE("a child without an id is named by its place") {
  scene s;
  const supervisor_spec spec{
      .name = "root", .strategy = one_for_one, .children = {s.child("a"), {.start = nothing}}};
  CHECK(thrown_by([&] { coppice::check(spec); }) ==
        "coppice: supervisor \"root\": child number 2: its id must not be empty (missing id)");
}

// ST-11
TEST_CASE("simple_one_for_one needs exactly one spec") {
  scene s;
  using coppice::simple_one_for_one;
  CHECK_THROWS_AS(coppice::check(supervisor_spec{.strategy = simple_one_for_one}),
                  std::invalid_argument);
  CHECK_THROWS_AS(coppice::check(supervisor_spec{.strategy = simple_one_for_one,
                                                 .children = {s.child("a"), s.child("b")}}),
                  std::invalid_argument);
  CHECK_NOTHROW(
      coppice::check(supervisor_spec{.strategy = simple_one_for_one, .children = {s.cast()}}));
}

TEST_CASE("a template is for simple_one_for_one only") {
  scene s;
  CHECK_THROWS_AS(
      coppice::check(supervisor_spec{.strategy = one_for_one, .children = {s.cast()}}),
      std::invalid_argument);
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  CHECK_THROWS_AS(sup.start_child(s.cast()), std::invalid_argument);
}

// SPEC-15, DYN-14
TEST_CASE("bad options of a supervisor are refused by name") {
  const auto message = [](auto spec) {
    try {
      coppice::check(spec);
    } catch (const std::invalid_argument& e) {
      return std::string{e.what()};
    }
    return std::string{};
  };
  CHECK(says(message(supervisor_spec{.strategy = one_for_one, .period = 0s}), "period"));
  CHECK(says(message(coppice::dynamic_supervisor_spec{.period = -1s}), "period"));
  CHECK(says(message(supervisor_spec{.strategy = coppice::strategy{9}}), "strategy"));
  CHECK(says(message(supervisor_spec{.strategy = one_for_one, .auto_shutdown = auto_shutdown{9}}),
             "auto_shutdown"));
}

// SPEC-16
TEST_CASE("a broken rule reads the same wherever the spec is given") {
  scene s;
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one});
  const child_spec bad = s.child("a").with_shutdown(-1s);
  const std::string said = refusal(bad);
  CHECK(said == "coppice: child \"a\": its shutdown time must not be negative");
  CHECK(thrown_by([&] { sup.start_child(bad); }) == said);
  CHECK(thrown_by([&] {
          coppice::start_supervisor(s.io,
                                    supervisor_spec{.strategy = one_for_one, .children = {bad}});
        }) == said);
}

// SPEC-18, SPEC-21
TEST_CASE("a type may say by itself how it is supervised, given an argument or not") {
  static_assert(coppice::supervisable<greeter, std::string&, const char*>);
  static_assert(!coppice::supervisable<greeter>);
  static_assert(!coppice::supervisable<int>);
  std::string log;
  scene s;
  const child_spec spec = coppice::child<greeter>(log, "anna");
  CHECK(spec.restart == coppice::transient);
  const auto sup = s.supervise(supervisor_spec{.strategy = one_for_one, .children = {spec}});
  CHECK_FALSE(s.start(sup, coppice::child<greeter>(log, "bert").with_id("second")).error);
  CHECK(log == "hello anna hello bert ");
}

// SPEC-19
TEST_CASE("a spec is copied with single fields changed") {
  std::string log;
  const child_spec given = coppice::child<greeter>(log, "anna");
  const child_spec spec = given.with_id("b")
                              .with_restart(coppice::temporary)
                              .with_shutdown(coppice::brutal_kill)
                              .with_significant()
                              .with_type(coppice::child_type::supervisor)
                              .with_start_limit(2s);
  CHECK(spec.id == "b");
  CHECK(spec.restart == coppice::temporary);
  CHECK(spec.shutdown == coppice::shutdown{coppice::brutal_kill});
  CHECK(spec.significant);
  CHECK(spec.type == coppice::child_type::supervisor);
  CHECK(spec.start_limit == 2s);
  CHECK(given.id == "greeter");
  CHECK(given.restart == coppice::transient);
  CHECK(given.shutdown == coppice::shutdown{1s});
  CHECK_FALSE(given.significant);
  CHECK(given.type == coppice::child_type::worker);
  CHECK(given.start_limit.is_infinity());
}

// SPEC-19
TEST_CASE("what is to be said of a child follows whatever has made its spec") {
  scene s;
  const auto says = [](child_spec spec, std::string id, coppice::child_type type) {
    spec = std::move(spec).with_restart(coppice::transient).with_shutdown(2s).with_significant();
    spec = std::move(spec).with_start_limit(1s);
    CHECK(spec.id == id);
    CHECK(spec.start);
    CHECK(spec.restart == coppice::transient);
    CHECK(spec.shutdown == coppice::shutdown{2s});
    CHECK(spec.significant);
    CHECK(spec.start_limit == 1s);
    CHECK(spec.type == type);
    CHECK(std::move(spec).with_id("b").with_type(coppice::child_type::worker).id == "b");
  };
  const auto worker = coppice::child_type::worker;
  const auto supervisor = coppice::child_type::supervisor;
  says(coppice::worker("a", nothing), "a", worker);
  says(s.cast(), "template", worker);
  says(coppice::supervisor({.name = "a", .strategy = one_for_one}), "a", supervisor);
  says(coppice::supervisor("a", [] { return supervisor_spec{.strategy = one_for_one}; }), "a",
       supervisor);
  says(coppice::dynamic_supervisor({.name = "a"}), "a", supervisor);
  says(coppice::task_supervisor({.name = "a"}), "a", supervisor);
  says(coppice::partition_supervisor({.name = "a", .child = coppice::worker("w", nothing)}), "a",
       supervisor);
  says(coppice::agent<int>("a", [] { return 1; }), "a", worker);
  says(coppice::stash("a"), "a", worker);
}

// SPEC-14, SPEC-20
TEST_CASE("a strategy has to be given, and nothing shuts down automatically unless that is said") {
  static_assert(!std::is_default_constructible_v<supervisor_spec>);
  static_assert(std::is_constructible_v<coppice::required_strategy, coppice::strategy>);
  CHECK(supervisor_spec{.strategy = one_for_one}.auto_shutdown == auto_shutdown::never);
}

// SPEC-05, SPEC-22, SPEC-23
TEST_CASE("the spec of a supervisor is permanent and has its name as id, unless another is given") {
  const child_spec pool = coppice::dynamic_supervisor({.name = "pool"});
  const child_spec top = coppice::supervisor({.name = "top", .strategy = one_for_one});
  CHECK(pool.id == "pool");
  CHECK(top.id == "top");
  CHECK(pool.restart == coppice::permanent);
  CHECK(top.restart == coppice::permanent);
  const child_spec nameless = coppice::dynamic_supervisor({});
  CHECK(says(refusal(nameless), "missing id"));
  CHECK(refusal(nameless.with_id("spare")).empty());
  CHECK_THROWS_AS(coppice::check_child_specs(std::vector{pool, pool}), std::invalid_argument);
  CHECK_NOTHROW(coppice::check_child_specs(std::vector{pool, pool.with_id("spare")}));
}
