#include "scenario.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

const std::string tree =
    "sup root one_for_one 1 5\n"
    "child root w1 worker restart=transient start=ok,crash stop=obey\n"
    "child root s1 supervisor\n"
    "sup s1 simple_one_for_one 1 5 auto_shutdown=never\n"
    "child s1 w worker shutdown=brutal_kill significant=false\n";

std::vector<scenario> read(const std::string& text) {
  std::istringstream in{text};
  return read_scenarios(in);
}

}  // namespace

TEST_CASE("a scenario is read, with a name and a trace or without them") {
  const std::vector<scenario> one = read(tree + "start\nstart_child s1\nexit s1#1 kill\n");
  REQUIRE(one.size() == 1);
  CHECK(one[0].root == "root");
  CHECK(one[0].steps.size() == 3);
  CHECK(one[0].trace.empty());

  const std::vector<scenario> two =
      read("# comment\n=== a\n" + tree + "start\n--- trace\n> start\n= ok\n=== b\n" + tree);
  REQUIRE(two.size() == 2);
  CHECK(two[0].name == "a");
  CHECK(two[0].trace == std::vector<std::string>{"> start", "= ok"});
  CHECK(two[1].name == "b");
  CHECK(two[1].trace.empty());
}

TEST_CASE("what is no scenario is refused by a runtime_error") {
  CHECK_NOTHROW(read(tree));
  for (const std::string bad : {
           "",
           "# nothing but a comment\n",
           "--- trace\n> start\n",            // a trace of nothing
           "start\n",                          // no supervisor
           "=== name\n",
           "sup root one_for_one\n",           // words that are missing
           "sup root one_for_one 1\n",
           "child root\n",
           "sup root one_for_one x 5\n",       // no numbers, or too large ones
           "sup root one_for_one -1 5\n",
           "sup root one_for_one 1 99999999999999999999\n",
           "sup root all_for_one 1 5\n",       // words that nobody knows
           "sup root one_for_one 1 5 auto_shutdown=often\n",
           "sup root one_for_one 1 5 other=1\n",
           "sup root simple_one_for_one 1 5\n",  // without its template
           "sup root one_for_one 1 5\nchild root root supervisor\n",  // no root
           "child root w worker\n",            // a supervisor that has no line of its own
       }) {
    CAPTURE(bad);
    CHECK_THROWS_AS(read(bad), std::runtime_error);
  }
  for (const std::string bad : {
           "child root w2 server\n",
           "child root w2 worker restart\n",
           "child root w2 worker restart=often\n",
           "child root w2 worker shutdown=soon\n",
           "child root w2 worker start=ok,well\n",
           "child root w2 worker stop=later\n",
           "child root w#2 worker\n",          // an id as those of a template's children
           "child root w1 worker\n",           // twice
           "child root s2 supervisor\n",       // which is not declared
           "child root s1 worker\n",
           "child s1 w1 worker\n",             // a child of two supervisors
           "sleep long\n",
           "sleep\n",
           "exit w1\n",
           "exit w1 often\n",
           "exit_all often w1\n",
           "start_child root\n",               // which has no template
           "start_child w1 w2 worker\n",       // w1 is no supervisor
           "start_child root w2 worker restart=often\n",
           "start_child s1 root supervisor\n",
           "terminate_child root\n",
           "which_children w1\n",
           "dance root\n",
       }) {
    CAPTURE(bad);
    CHECK_THROWS_AS(read(tree + bad), std::runtime_error);
  }
}
