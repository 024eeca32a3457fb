#include <coppice/partition_supervisor.hpp>

#include <coppice/partition_index.hpp>

#include "support/ending.hpp"
#include "support/scripted.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <doctest/doctest.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using coppice::one_for_all;
using coppice::one_for_one;
using coppice::partition_child;
using coppice::partition_index;
using coppice::partition_supervisor_ref;
using coppice::partition_supervisor_spec;
using coppice::pid;
using coppice::supervisor_spec;

namespace {

// Scripted children, one for each partition: "p0", "p1" and so on.
partition_child players_of(scene& s, coppice::restart when = coppice::permanent) {
  return partition_child{
      [&s, when](std::size_t n) { return s.child("p" + std::to_string(n)).with_restart(when); }};
}

partition_supervisor_ref shards(scene& s, std::size_t n) {
  return s.supervise(
      partition_supervisor_spec{.name = "shards", .child = players_of(s), .partitions = n});
}

asio::awaitable<void> idle() { co_await coppice::sleep_for(24h); }

std::string fault_in(const partition_supervisor_spec& spec) {
  try {
    coppice::check(spec);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}

boost::system::error_code thrown_by(const std::function<void()>& f) {
  try {
    f();
  } catch (const boost::system::system_error& e) {
    return e.code();
  }
  return {};
}

}  // namespace

// ---- Starting

// PART-01
TEST_CASE("a partition supervisor starts as many copies of one child as it is told to, in order") {
  scene s;
  const auto sup = shards(s, 4);
  CHECK_FALSE(s.ask(sup.ready()).error);
  CHECK(s.log() == "+p0 +p1 +p2 +p3");
  CHECK(sup.partitions() == 4);
  CHECK(s.children_of(sup) == "0 1 2 3");
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK(s.log() == "-p3 -p2 -p1 -p0");
}

// PART-01
TEST_CASE("there is one partition by default, which gets every key") {
  scene s;
  const auto sup =
      s.supervise(partition_supervisor_spec{.name = "one", .child = coppice::worker("w", idle)});
  CHECK(sup.partitions() == 1);
  CHECK(sup.process_for(0).alive());
  CHECK(sup.process_for(17) == sup.process_for(0));
  CHECK(sup.process_for("a key") == sup.process_for(0));
}

// PART-02
TEST_CASE("what is missing in the spec of a partition supervisor is named, and nothing starts") {
  scene s;
  const coppice::child_spec good = coppice::worker("w", idle);
  CHECK(fault_in({.name = "p", .child = good, .partitions = 3}).empty());
  CHECK(fault_in({.child = good}) ==
        "coppice: partition supervisor \"\": its name must not be empty (missing name)");
  CHECK(fault_in({.name = "p", .child = good, .partitions = 0}) ==
        "coppice: partition supervisor \"p\": the number of its partitions must be above zero");
  CHECK(fault_in({.name = "p", .child = std::function<coppice::child_spec(std::size_t)>{}}) ==
        "coppice: partition supervisor \"p\": it needs a child (missing child)");
  CHECK(fault_in({.name = "p", .child = coppice::child_spec{}}) ==
        "coppice: supervisor \"p\": child \"0\": it needs a start function (missing start)");
  CHECK(fault_in({.name = "p", .child = good, .strategy = coppice::simple_one_for_one}) ==
        "coppice: partition supervisor \"p\": its strategy cannot be simple_one_for_one");
  CHECK(fault_in({.name = "p", .child = good, .period = 0s}) ==
        "coppice: supervisor \"p\": its period must be above zero");
  const partition_supervisor_spec bad{.name = "p", .child = good, .partitions = 0};
  CHECK_THROWS_AS(coppice::start_supervisor(s.io, bad), std::invalid_argument);
  const coppice::child_spec inner = coppice::partition_supervisor(bad);
  CHECK_THROWS_AS(coppice::check_child_specs({&inner, 1}), std::invalid_argument);
  CHECK(coppice::processes(s.io).empty());
}

// PART-02
TEST_CASE("a partition supervisor without a child does not compile") {
  CHECK_FALSE(std::is_default_constructible_v<partition_child>);
  CHECK_FALSE(std::is_default_constructible_v<partition_supervisor_spec>);
}

// PART-01
TEST_CASE("what is started follows from the members of a spec that is written in place") {
  scene s;
  const auto plain = coppice::start_supervisor(s.io, {.name = "plain", .strategy = one_for_one});
  const auto shards = coppice::start_supervisor(
      s.io, {.name = "shards", .child = coppice::worker("w", idle), .strategy = one_for_one});
  CHECK(std::is_same_v<decltype(plain), const coppice::supervisor_ref>);
  CHECK(std::is_same_v<decltype(shards), const partition_supervisor_ref>);
}

// PART-03
TEST_CASE("a child may be made for its partition, once, whatever happens to it later") {
  scene s;
  std::vector<std::size_t> asked;
  const auto sup =
      s.supervise(partition_supervisor_spec{.name = "shards",
                                            .child =
                                                [&](std::size_t n) {
                                                  asked.push_back(n);
                                                  return s.child("shard " + std::to_string(n));
                                                },
                                            .partitions = 3});
  CHECK(s.log() == "+shard 0 +shard 1 +shard 2");
  CHECK(sup.process_for(2) == s.pid_of("shard 2"));
  s.crashes("shard 1");
  CHECK(s.log() == "-shard 1 +shard 1");
  CHECK(asked == std::vector<std::size_t>{0, 1, 2});
}

// PART-03
TEST_CASE("a template is started with the number of its partition, and restarted with it") {
  scene s;
  std::string log;
  const auto shard = [&log](std::size_t number) -> asio::awaitable<void> {
    log += std::to_string(number);
    co_await coppice::sleep_for(24h);
  };
  const auto sup = s.supervise(
      partition_supervisor_spec{.name = "shards",
                                .child = coppice::template_worker<std::size_t>("shard", shard),
                                .partitions = 3});
  CHECK(log == "012");
  coppice::kill(sup.process_for(1));
  s.clock.settle();
  CHECK(log == "0121");
}

// PART-03
TEST_CASE("what does not take the number of a partition is refused") {
  CHECK_FALSE(std::is_constructible_v<partition_child, coppice::child_spec (*)(std::string)>);
  CHECK_FALSE(std::is_constructible_v<partition_child, int (*)(std::size_t)>);
  CHECK_FALSE(std::is_constructible_v<partition_child, coppice::child_spec (*)()>);
  const auto other = [](std::string) { return idle(); };
  CHECK(
      fault_in({.name = "p", .child = coppice::template_worker<std::string>("t", other)}) ==
      "coppice: partition supervisor \"p\": its template must take the number of the partition, a "
      "std::size_t");
}

// PART-01
TEST_CASE("a partition that does not start fails the start of them all") {
  scene s;
  s["p2"].starts = {start_as::fails};
  const auto sup =
      coppice::start_supervisor(s.io, {.name = "shards", .child = players_of(s), .partitions = 3});
  const auto up = begin(sup.ready());
  CHECK(s.log() == "+p0 +p1 !p2 -p1 -p0");
  CHECK(up->error == errc::start_failed);
  CHECK_FALSE(sup.process_for(0));
}

// PART-12
TEST_CASE(
    "partitions are restarted one for one by default, by one budget of 3 in 5 s for them all") {
  scene s;
  const auto sup = shards(s, 3);
  s.log();
  s.crashes("p0");
  CHECK(s.log() == "-p0 +p0");
  s.crashes("p1");
  s.crashes("p2");
  s.log();
  CHECK(sup.alive());
  s.crashes("p0");
  CHECK(s.log() == "-p0 -p2 -p1");
  CHECK_FALSE(sup.alive());
}

// PART-12
TEST_CASE("partitions may have another strategy") {
  scene s;
  s.supervise(partition_supervisor_spec{
      .name = "shards", .child = players_of(s), .partitions = 3, .strategy = one_for_all});
  s.log();
  s.crashes("p1");
  CHECK(s.log() == "-p1 -p2 -p0 +p0 +p1 +p2");
}

// ---- Routing

// PART-04
TEST_CASE("an integer goes to the remainder of its absolute value") {
  scene s;
  const auto sup = shards(s, 5);
  const auto partition = [&s](int n) { return s.pid_of("p" + std::to_string(n)); };
  for (int key = 0; key < 12; ++key) {
    CHECK(sup.process_for(key) == partition(key % 5));
    CHECK(sup.process_for(-key) == partition(key % 5));
    CHECK(sup.process_for(static_cast<unsigned char>(key)) == partition(key % 5));
    CHECK(sup.process_for(static_cast<signed char>(-key)) == partition(key % 5));
    CHECK(sup.process_for(static_cast<std::uint64_t>(key)) == partition(key % 5));
  }
  CHECK(sup.process_for('a') == partition('a' % 5));
  CHECK(sup.process_for(true) == partition(1));
}

// PART-04
TEST_CASE("the lowest and the highest integers have their partitions too") {
  CHECK(partition_index(INT_MIN, 10) == 8);    // 2147483648
  CHECK(partition_index(INT_MAX, 10) == 7);    // 2147483647
  CHECK(partition_index(UINT_MAX, 10) == 5);   // 4294967295
  CHECK(partition_index(SCHAR_MIN, 10) == 8);  // 128
  CHECK(partition_index(static_cast<signed char>(SCHAR_MIN), 10) == 8);
  CHECK(partition_index(INT64_MIN, 10) == 8);   // 9223372036854775808
  CHECK(partition_index(INT64_MAX, 10) == 7);   // 9223372036854775807
  CHECK(partition_index(UINT64_MAX, 10) == 5);  // 18446744073709551615
  static_assert(partition_index(INT_MIN, 7) == 2);
  static_assert(partition_index(-1, 7) == 1);
}

// PART-04
TEST_CASE("any other key goes to the remainder of its hash") {
  scene s;
  const auto sup = shards(s, 7);
  const auto partition = [&s](std::size_t hash) {
    return s.pid_of("p" + std::to_string(hash % 7));
  };
  for (int i = 0; i < 50; ++i) {
    const std::string key = "user " + std::to_string(i);
    CHECK(sup.process_for(key) == partition(std::hash<std::string>{}(key)));
    CHECK(sup.process_for(std::string_view{key}) == sup.process_for(key));
    CHECK(sup.process_for(key.c_str()) == sup.process_for(key));
  }
  CHECK(sup.process_for("user 7") == sup.process_for(std::string{"user 7"}));
  CHECK(sup.process_for(2.5) == partition(std::hash<double>{}(2.5)));
  CHECK(sup.process_for(sup.get_pid()) == partition(std::hash<pid>{}(sup.get_pid())));
  CHECK(partition_index("user 7", 7) == std::hash<std::string>{}("user 7") % 7);
  struct no_key {};
  CHECK_FALSE(coppice::partition_key<no_key>);
}

// PART-05
TEST_CASE("a partition is found by the name of its supervisor, from any process and from outside") {
  scene s;
  const auto sup = shards(s, 3);
  CHECK(coppice::partition(s.io, "shards", 4) == s.pid_of("p1"));
  std::vector<pid> seen;
  const auto look = [&seen]() -> asio::awaitable<void> {
    for (const int key : {0, 1, 2}) seen.push_back(coppice::partition("shards", key));
    seen.push_back(coppice::partition("shards", "key"));
    co_return;
  };
  coppice::spawn(s.io, look);
  s.clock.settle();
  CHECK(seen ==
        std::vector<pid>{s.pid_of("p0"), s.pid_of("p1"), s.pid_of("p2"), sup.process_for("key")});
}

// PART-05
TEST_CASE("a partition finds itself and the others") {
  scene s;
  std::vector<pid> own, next;
  const auto shard = [&](std::size_t number) -> asio::awaitable<void> {
    co_await coppice::sleep_for(1s);
    own.push_back(coppice::partition("shards", number));
    CHECK(own.back() == coppice::self());
    next.push_back(coppice::partition("shards", number + 1));
    co_await coppice::sleep_for(24h);
  };
  s.supervise(
      partition_supervisor_spec{.name = "shards",
                                .child = coppice::template_worker<std::size_t>("shard", shard),
                                .partitions = 2});
  s.clock.advance(1s);
  REQUIRE(own.size() == 2);
  CHECK(next == std::vector<pid>{own[1], own[0]});
}

// PART-05
TEST_CASE("a lookup outside of processes must say on which io_context") {
  CHECK_THROWS_AS(static_cast<void>(coppice::partition("shards", 1)), std::logic_error);
}

// PART-05
TEST_CASE(
    "nobody is found under a name of nobody, or of a partition supervisor that has ended; others "
    "are of "
    "the wrong type") {
  scene s;
  CHECK_FALSE(coppice::partition(s.io, "shards", 1));
  CHECK_FALSE(coppice::partition(s.io, "", 1));
  CHECK_FALSE(partition_supervisor_ref{}.process_for(1));
  s.supervise(supervisor_spec{
      .name = "plain", .strategy = one_for_one, .children = {s.child("a").with_id("0")}});
  CHECK(thrown_by([&] { static_cast<void>(coppice::partition(s.io, "plain", 0)); }) ==
        errc::wrong_type);
  coppice::spawn(s.io, []() -> asio::awaitable<void> {
    coppice::register_name("worker");
    co_await coppice::sleep_for(24h);
  });
  const auto sup = shards(s, 2);
  CHECK(thrown_by([&] { static_cast<void>(coppice::partition(s.io, "worker", 0)); }) ==
        errc::wrong_type);
  CHECK(coppice::partition(s.io, "shards", 1));
  CHECK_FALSE(s.ask(sup.stop()).error);
  CHECK_FALSE(coppice::partition(s.io, "shards", 1));
  CHECK_FALSE(sup.process_for(1));
}

// PART-05, PART-08
TEST_CASE("a call to a partition that is not there fails with noproc") {
  scene s;
  std::vector<boost::system::error_code> errors;
  const auto call = [&]() -> asio::awaitable<void> {
    const coppice::dynamic_supervisor_ref nobody{coppice::partition("nowhere", 7)};
    auto adding = nobody.start_child(coppice::worker("w", idle));
    auto [failed, child] = co_await adding.ready()(asio::as_tuple(asio::use_awaitable));
    errors.push_back(failed);
    auto [uncounted, counts] =
        co_await nobody.count_children()(asio::as_tuple(asio::use_awaitable));
    errors.push_back(uncounted);
  };
  coppice::spawn(s.io, call);
  s.clock.settle();
  CHECK(errors == std::vector<boost::system::error_code>{errc::noproc, errc::noproc});
}

// PART-08
TEST_CASE("the number of partitions of an unknown supervisor is noproc, and so are its counts") {
  scene s;
  const auto partitions_of = [&s](std::string_view name) {
    return thrown_by([&] {
      static_cast<void>(partition_supervisor_ref{coppice::whereis(s.io, name)}.partitions());
    });
  };
  CHECK(partitions_of("nowhere") == errc::noproc);
  s.supervise(supervisor_spec{.name = "plain", .strategy = one_for_one});
  CHECK(partitions_of("plain") == errc::wrong_type);
  const auto sup = shards(s, 2);
  CHECK_FALSE(partitions_of("shards"));
  s.ask(sup.stop());
  CHECK(partitions_of("shards") == errc::noproc);
  CHECK(s.ask(sup.count_children()).error == errc::noproc);
  CHECK(s.ask(sup.which_children()).error == errc::noproc);
  CHECK(s.ask(sup.which_child(0)).error == errc::noproc);
  CHECK(s.ask(sup.resize(1)).error == errc::noproc);
}

// PART-06
TEST_CASE("a partition supervisor has its name to itself") {
  scene s;
  const auto sup = shards(s, 2);
  CHECK(coppice::whereis(s.io, "shards") == sup.get_pid());
  const auto second = coppice::start_supervisor(
      s.io, {.name = "shards", .child = coppice::worker("w", idle), .partitions = 3});
  const auto up = begin(second.ready());
  s.clock.settle();
  CHECK(up->error == errc::already_started);
  const partition_supervisor_ref found{coppice::whereis(s.io, "shards")};
  CHECK(found.partitions() == 2);
  CHECK(s.count_of(found) == "2 2 0 2");
  CHECK_FALSE(s.ask(found.stop()).error);
  CHECK_FALSE(coppice::whereis(s.io, "shards"));
}

// ---- Listing

// PART-07
TEST_CASE("partitions are listed with their numbers as ids, and one can be asked for") {
  scene s;
  const auto sup = shards(s, 3);
  const answer a = s.ask(sup.which_children());
  REQUIRE(a.listing.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(a.listing[i].id == std::to_string(i));
    CHECK(a.listing[i].process == sup.process_for(i));
    CHECK(a.listing[i].type == coppice::child_type::worker);
    CHECK(s.ask(sup.which_child(i)).entry.process == sup.process_for(i));
  }
  CHECK(s.ask(sup.which_child(3)).error == errc::not_found);
}

// PART-07
TEST_CASE("partitions are counted as what they are") {
  scene s;
  CHECK(s.count_of(shards(s, 3)) == "3 3 0 3");
  const auto pools = s.supervise(partition_supervisor_spec{
      .name = "pools", .child = coppice::dynamic_supervisor({}), .partitions = 4});
  CHECK(s.count_of(pools) == "4 4 4 0");
  const auto trees = s.supervise(partition_supervisor_spec{
      .name = "trees",
      .child = coppice::supervisor({.strategy = one_for_one, .children = {s.child("leaf")}}),
      .partitions = 2});
  CHECK(s.count_of(trees) == "2 2 2 0");
  CHECK(s.ask(trees.which_child(1)).entry.type == coppice::child_type::supervisor);
}

// ---- Partitions that come and go

// PART-11
TEST_CASE("a partition that was restarted is found under the same keys again") {
  scene s;
  const auto sup = shards(s, 3);
  const pid before = sup.process_for(4);
  s.crashes("p1");
  s.clock.settle();
  CHECK(s.starts_of("p1") == 2);
  CHECK(sup.process_for(4) == s.pid_of("p1"));
  CHECK(sup.process_for(4) != before);
  CHECK(coppice::partition(s.io, "shards", -4) == s.pid_of("p1"));
  coppice::kill(sup.process_for(4));
  s.clock.settle();
  CHECK(s.starts_of("p1") == 3);
  CHECK(sup.process_for(4) == s.pid_of("p1"));
}

// PART-11
TEST_CASE("a partition is found when it is up, and not before") {
  scene s;
  s["p1"].starts = {start_as::hangs};
  const auto sup = shards(s, 3);
  CHECK(s.log() == "+p0 ~p1");
  CHECK(sup.partitions() == 3);
  CHECK(sup.process_for(0) == s.pid_of("p0"));
  CHECK_FALSE(sup.process_for(1));
  CHECK_FALSE(sup.process_for(2));
  s.comes_up("p1");
  CHECK(s.log() == "+p1 +p2");
  CHECK(sup.process_for(1) == s.pid_of("p1"));
  CHECK(sup.process_for(2) == s.pid_of("p2"));
}

// PART-11
TEST_CASE("while a partition restarts its keys find nobody, and those of the others find theirs") {
  scene s;
  s["p1"].starts = {start_as::up, start_as::hangs};
  const auto sup = shards(s, 3);
  s.crashes("p1");
  CHECK(s.log() == "+p0 +p1 +p2 -p1 ~p1");
  CHECK_FALSE(sup.process_for(1));
  CHECK_FALSE(coppice::partition(s.io, "shards", 1));
  CHECK(sup.process_for(0) == s.pid_of("p0"));
  CHECK(sup.process_for(2) == s.pid_of("p2"));
  CHECK(sup.partitions() == 3);
  s.comes_up("p1");
  s.clock.settle();
  CHECK(sup.process_for(1) == s.pid_of("p1"));
}

// PART-11
TEST_CASE("whoever hears of the death of a partition does not find it any more") {
  scene s;
  const auto sup = shards(s, 2);
  const pid first = sup.process_for(0);
  bool heard = false;
  const auto watch = [&]() -> asio::awaitable<void> {
    auto ended = coppice::await_exit(first);
    co_await std::move(ended)(asio::use_awaitable);
    CHECK(coppice::partition("shards", 0) != first);
    heard = true;
  };
  coppice::spawn(s.io, watch);
  s.clock.settle();
  s.crashes("p0");
  s.clock.settle();
  CHECK(heard);
}

// PART-11
TEST_CASE("a partition that has ended for good leaves its keys without a process") {
  scene s;
  const auto sup = s.supervise(partition_supervisor_spec{
      .name = "shards", .child = players_of(s, coppice::transient), .partitions = 2});
  s.returns("p1");
  s.clock.settle();
  CHECK_FALSE(sup.process_for(1));
  CHECK(sup.process_for(0) == s.pid_of("p0"));
  CHECK(s.children_of(sup) == "0 1(none)");
  // By hand, as any other supervisor's child.
  CHECK_FALSE(s.ask(coppice::supervisor_ref{sup.get_pid()}.restart_child("1")).error);
  CHECK(sup.process_for(1) == s.pid_of("p1"));
}

// PART-11
TEST_CASE("a partition that is being stopped is not found") {
  scene s;
  s["p1"].stop = stop_as::ignores;
  const auto sup = shards(s, 2);
  const auto stopped = begin(sup.stop());
  CHECK(s.log() == "+p0 +p1 *p1");
  CHECK(sup.process_for(0) == s.pid_of("p0"));
  CHECK_FALSE(sup.process_for(1));
  s.clock.advance(5s);
  CHECK(s.log() == "-p1 -p0");
  CHECK(stopped->there);
}

// PART-01, PART-11
TEST_CASE("a whole tree can be a partition") {
  scene s;
  const auto pools = s.supervise(partition_supervisor_spec{
      .name = "pools", .child = coppice::dynamic_supervisor({}), .partitions = 3});
  for (const char* name : {"anna", "bert", "carl"}) {
    const coppice::dynamic_supervisor_ref pool{coppice::partition(s.io, "pools", name)};
    CHECK_FALSE(s.start(pool, s.child(name)).error);
  }
  const pid of_anna = pools.process_for("anna");
  coppice::kill(s.pid_of("anna"));
  s.clock.settle();
  CHECK(s.starts_of("anna") == 2);
  CHECK(pools.process_for("anna") == of_anna);
  coppice::kill(of_anna);
  s.clock.settle();
  CHECK(pools.process_for("anna").alive());
  CHECK(pools.process_for("anna") != of_anna);
}

// PART-01, PART-06
TEST_CASE(
    "a partition supervisor is a child like any other, and its partitions come back with it") {
  scene s;
  const auto root = s.supervise(
      supervisor_spec{.strategy = one_for_one,
                      .children = {coppice::partition_supervisor(
                          {.name = "shards", .child = players_of(s), .partitions = 2})}});
  CHECK(s.log() == "+p0 +p1");
  const answer a = s.ask(root.which_child("shards"));
  CHECK(a.entry.type == coppice::child_type::supervisor);
  CHECK(a.entry.process == coppice::whereis(s.io, "shards"));
  const partition_supervisor_ref first{a.entry.process};
  CHECK_FALSE(s.ask(first.resize(1)).error);
  s.log();
  coppice::kill(first.get_pid());
  CHECK(s.log() == "-p0 +p0 +p1");
  CHECK_FALSE(first.process_for(0));
  CHECK(coppice::partition(s.io, "shards", 1) == s.pid_of("p1"));
  CHECK(s.ask(root.get_child_spec("shards")).spec->shutdown->is_infinity());
}

// PART-06
TEST_CASE("a partition supervisor that is linked to its starter ends with it") {
  scene s;
  partition_supervisor_ref sup;
  const auto starter = [&]() -> asio::awaitable<void> {
    sup = coppice::start_supervisor_link({.name = "shards", .child = players_of(s)});
    co_await coppice::sleep_for(1s);
  };
  coppice::spawn(s.io, starter);
  s.clock.settle();
  CHECK(sup.process_for(0) == s.pid_of("p0"));
  s.clock.advance(1s);
  CHECK(s.log() == "+p0 -p0");
  CHECK_FALSE(sup.alive());
}

// PART-04
TEST_CASE("a thousand partitions each get their own keys") {
  scene s;
  const auto sup = s.supervise(partition_supervisor_spec{
      .name = "many", .child = coppice::worker("w", idle), .partitions = 1000});
  const answer a = s.ask(sup.which_children());
  REQUIRE(a.listing.size() == 1000);
  for (int i = 0; i < 1000; ++i) {
    CHECK(sup.process_for(i - 1000) ==
          a.listing[static_cast<std::size_t>((1000 - i) % 1000)].process);
  }
}

// ---- Resizing

// PART-09
TEST_CASE("a partition supervisor can be made smaller, and larger again") {
  scene s;
  const auto sup = shards(s, 4);
  s.log();
  const answer smaller = s.ask(sup.resize(2));
  CHECK_FALSE(smaller.error);
  CHECK(smaller.number == 4);
  CHECK(s.log() == "-p3 -p2");
  CHECK(sup.partitions() == 2);
  CHECK(sup.process_for(3) == s.pid_of("p1"));
  CHECK(s.children_of(sup) == "0 1 2(none) 3(none)");
  CHECK(s.count_of(sup) == "4 2 0 4");
  const answer larger = s.ask(sup.resize(3));
  CHECK(larger.number == 2);
  CHECK(s.log() == "+p2");
  CHECK(sup.process_for(2) == s.pid_of("p2"));
  CHECK(sup.process_for(3) == s.pid_of("p0"));
  CHECK(s.ask(sup.resize(3)).number == 3);
  CHECK(s.log().empty());
  CHECK(s.ask(sup.resize(4)).number == 3);
  CHECK(s.log() == "+p3");
  CHECK(sup.process_for(3) == s.pid_of("p3"));
}

// PART-09
TEST_CASE("keys leave a partition before it is stopped, and come to one when all are up") {
  scene s;
  s["p2"].stop = stop_as::ignores;
  const auto sup = shards(s, 3);
  const auto smaller = begin(sup.resize(2));
  s.clock.settle();
  CHECK_FALSE(smaller->there);
  CHECK(sup.process_for(2) == s.pid_of("p0"));
  s.clock.advance(5s);
  CHECK(smaller->there);
  s["p2"].starts = {start_as::hangs};
  const auto larger = begin(sup.resize(3));
  s.clock.settle();
  CHECK_FALSE(larger->there);
  CHECK(sup.process_for(2) == s.pid_of("p0"));
  s.comes_up("p2");
  s.clock.settle();
  CHECK(larger->there);
  CHECK(sup.process_for(2) == s.pid_of("p2"));
}

// PART-10
TEST_CASE(
    "there are no more partitions than there were at first, and routing to none of them throws") {
  scene s;
  const auto sup = shards(s, 2);
  CHECK(s.ask(sup.resize(3)).error == errc::max_children);
  CHECK(sup.partitions() == 2);
  CHECK(s.ask(sup.resize(0)).number == 2);
  CHECK(s.log() == "+p0 +p1 -p1 -p0");
  CHECK(sup.partitions() == 0);
  CHECK(thrown_by([&] { static_cast<void>(sup.process_for(1)); }) == errc::not_found);
  CHECK(thrown_by([&] { static_cast<void>(coppice::partition(s.io, "shards", "x")); }) ==
        errc::not_found);
  CHECK(s.ask(sup.resize(2)).number == 0);
  CHECK(sup.process_for(1) == s.pid_of("p1"));
}

// PART-09
TEST_CASE(
    "a partition that does not start when it should changes nothing, and can be tried again") {
  scene s;
  s["p2"].starts = {start_as::up, start_as::fails};
  const auto sup = shards(s, 3);
  s.ask(sup.resize(1));
  CHECK(s.ask(sup.resize(3)).error == errc::start_failed);
  CHECK(sup.partitions() == 1);
  CHECK(sup.process_for(1) == s.pid_of("p0"));
  CHECK(s.children_of(sup) == "0 1 2(none)");
  CHECK_FALSE(s.ask(sup.resize(3)).error);
  CHECK(sup.process_for(2) == s.pid_of("p2"));
  CHECK(s.children_of(sup) == "0 1 2");
}

// PART-09
TEST_CASE("resizes that are asked for together are done one after the other") {
  scene s;
  const auto sup = shards(s, 4);
  s.log();
  for (const std::vector<std::size_t>& sizes :
       {std::vector<std::size_t>{2, 4, 1, 3}, {0, 4}, {3, 1, 2, 4}, {1, 4, 0, 4, 2}}) {
    std::vector<std::shared_ptr<answer>> answers;
    for (const std::size_t n : sizes) answers.push_back(begin(sup.resize(n)));
    s.clock.settle();
    for (const auto& a : answers) {
      CHECK(a->there);
      CHECK_FALSE(a->error);
    }
    CHECK(sup.partitions() == sizes.back());
    const answer listed = s.ask(sup.which_children());
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(listed.listing[i].process.alive() == (i < sizes.back()));
    }
  }
}

// PART-09, RT-11
TEST_CASE("partitions that a group restart brings back get no keys before the next resize") {
  scene s;
  const auto sup = s.supervise(partition_supervisor_spec{
      .name = "shards", .child = players_of(s), .partitions = 2, .strategy = one_for_all});
  s.ask(sup.resize(1));
  s.log();
  s.crashes("p0");
  CHECK(s.log() == "-p0 +p0 +p1");
  CHECK(sup.process_for(1) == s.pid_of("p0"));
  CHECK(s.ask(sup.resize(2)).number == 1);
  CHECK(s.log().empty());
  CHECK(sup.process_for(1) == s.pid_of("p1"));
}

// PART-09
TEST_CASE("a temporary partition that was stopped for a resize cannot come back") {
  scene s;
  const auto sup = s.supervise(partition_supervisor_spec{
      .name = "shards", .child = players_of(s, coppice::temporary), .partitions = 2});
  CHECK_FALSE(s.ask(sup.resize(1)).error);
  CHECK(s.ask(sup.resize(2)).error == errc::not_found);
  CHECK(sup.partitions() == 1);
}

// PART-09
TEST_CASE("a resize is for partition supervisors, and may be waited for in a process") {
  scene s;
  const auto plain = s.supervise(supervisor_spec{.name = "plain", .strategy = one_for_one});
  CHECK(s.ask(partition_supervisor_ref{plain.get_pid()}.resize(0)).error ==
        errc::wrong_type);
  const auto sup = shards(s, 2);
  std::size_t before = 0;
  const auto resizer = [&]() -> asio::awaitable<void> {
    before = co_await sup.resize(1)(asio::use_awaitable);
  };
  coppice::spawn(s.io, resizer);
  s.clock.settle();
  CHECK(before == 2);
  CHECK(sup.partitions() == 1);
}
