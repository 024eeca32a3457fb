#include "support/environment.hpp"

#include <coppice/applications.hpp>
#include <coppice/run_applications.hpp>

#include <doctest/doctest.h>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using coppice::application_env;
using coppice::application_spec;
using coppice::config_error;
using coppice::config_value;
using coppice::configuration;
using coppice::one_for_one;

namespace {

// The environment of an application "shop" that is configured so.
application_env env_with(config_value::table defaults, config_value set = {},
                         bool environment_variables = true) {
  boost::asio::io_context io;
  coppice::set_report_sink(io, {});
  std::vector<application_spec> specs{{.name = "shop", .env = std::move(defaults)}};
  const auto spec = coppice::applications_spec(std::move(specs),
                                               {.configuration = {{"shop", std::move(set)}},
                                                .environment_variables = environment_variables});
  coppice::start_supervisor(io, spec);
  io.poll();
  return coppice::env_of(io, "shop");
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const config_error& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

// APP-19
TEST_CASE("an environment has the defaults of the application, and what a configuration sets") {
  const config_value::table defaults{{"port", 4000},
                                     {"host", "localhost"},
                                     {"database", {{"name", "shop"}, {"pool", {{"size", 5}}}}}};
  const application_env env =
      env_with(defaults, {{"port", 4001}, {"database", {{"pool", {{"size", 7}}}}}});
  CHECK(env.application() == "shop");
  CHECK(env.get<int>("port") == 4001);
  CHECK(env.get<std::string>("host") == "localhost");
  CHECK(env.get<std::string>("database.name") == "shop");
  CHECK(env.get<unsigned>("database.pool.size") == 7);
  CHECK(
      config_value{env.values()}.to_string() ==
      R"({ database = { name = "shop", pool = { size = 7 } }, host = "localhost", port = 4001 })");
}

TEST_CASE("what a configuration sets has to be there, and of that type") {
  const config_value::table defaults{{"port", 4000}, {"database", {{"name", "shop"}}}};
  CHECK(refusal([&] {
          env_with(defaults, {{"prot", 1}});
        }) ==
        "coppice: the configuration of application shop: prot is not one of its keys (database, "
        "port)");
  CHECK(refusal([&] {
          env_with(defaults, {{"database", {{"nam", "x"}}}});
        }) ==
        "coppice: the configuration of application shop: database.nam is not one of its keys "
        "(name)");
  CHECK(refusal([&] {
          env_with(defaults, {{"port", "many"}});
        }) ==
        "coppice: the configuration of application shop: port is of type integer, and not the "
        "string \"many\"");
  CHECK(refusal([&] {
          env_with(defaults, {{"database", 1}});
        }) ==
        "coppice: the configuration of application shop: database is of type table, and not the "
        "integer 1");
  CHECK(refusal([&] { env_with(defaults, 3); }) ==
        "coppice: the configuration of application shop: it is no table, but a 3");
}

TEST_CASE("a table that is empty by default takes any keys") {
  const application_env env = env_with({{"limits", {}}}, {{"limits", {{"a", 1}, {"b", 2}}}});
  CHECK(env.get<int>("limits.a") == 1);
  CHECK(env.get<int>("limits.c", 9) == 9);
  CHECK(env.get<config_value::table>("limits").size() == 2);
}

TEST_CASE("a key without a default has to be set") {
  const config_value::table defaults{{"password", coppice::mandatory<std::string>()},
                                     {"hosts", coppice::mandatory<std::vector<std::string>>()}};
  CHECK(refusal([&] { env_with(defaults); }) ==
        "coppice: the configuration of application shop: what has to be set is not: hosts, "
        "password (or SHOP_PASSWORD)");
  const application_env env =
      env_with(defaults, {{"password", "x"}, {"hosts", config_value::list{"a", "b"}}});
  CHECK(env.get<std::vector<std::string>>("hosts") == std::vector<std::string>{"a", "b"});
  CHECK(refusal([&] {
          env_with(defaults, {{"password", 1}});
        }) ==
        "coppice: the configuration of application shop: password is of type string, and not the "
        "integer 1");
}

TEST_CASE("environment variables come over a configuration") {
  const environment_variable port{"SHOP_PORT", "4002"};
  const environment_variable name{"SHOP_DATABASE_NAME", "17"};
  const environment_variable ratio{"SHOP_RATIO", "0.25"};
  const environment_variable quick{"SHOP_QUICK_START", "true"};
  const config_value::table defaults{
      {"port", 4000}, {"ratio", 1.5}, {"quick-start", false}, {"database", {{"name", "shop"}}}};
  const application_env env = env_with(defaults, {{"port", 4001}});
  CHECK(env.get<int>("port") == 4002);
  CHECK(env.get<std::string>("database.name") == "17");
  CHECK(env.get<double>("ratio") == 0.25);
  CHECK(env.get<bool>("quick-start"));
  CHECK(env_with(defaults, {{"port", 4001}}, false).get<int>("port") == 4001);
}

TEST_CASE("an environment variable that is of another type is refused") {
  const config_value::table defaults{{"port", 4000}, {"ratio", 1.5}, {"quick", false}};
  for (const char* text : {"", "4000x", "four", "0x10", " 4", "99999999999999999999"}) {
    const environment_variable port{"SHOP_PORT", text};
    CHECK(
        refusal([&] { env_with(defaults); }) ==
        "coppice: the configuration of application shop: the environment variable SHOP_PORT is \"" +
            std::string{text} + "\", and no integer");
  }
  const environment_variable quick{"SHOP_QUICK", "yes"};
  CHECK(refusal([&] { env_with(defaults); }) ==
        "coppice: the configuration of application shop: the environment variable SHOP_QUICK is "
        "\"yes\", and no boolean");
}

TEST_CASE("an environment variable that stands for two keys is refused") {
  const config_value::table defaults{{"a_b", 1}, {"a", {{"b", 2}}}};
  CHECK(env_with(defaults).get<int>("a.b") == 2);
  const environment_variable both{"SHOP_A_B", "3"};
  CHECK(refusal([&] { env_with(defaults); }) ==
        "coppice: the configuration of application shop: the environment variable SHOP_A_B stands "
        "for two keys, a.b and a_b");
}

TEST_CASE("a value is read as what is asked for, or refused") {
  const application_env env = env_with({{"big", 70000},
                                        {"negative", -1},
                                        {"half", 0.5},
                                        {"list", config_value::list{1, 2, 3}},
                                        {"name", "x"}});
  CHECK(env.get<std::int64_t>("big") == 70000);
  CHECK(env.get<double>("big") == 70000.0);
  CHECK(env.get<std::vector<int>>("list") == std::vector<int>{1, 2, 3});
  CHECK(refusal([&] { static_cast<void>(env.get<std::int16_t>("big")); }) ==
        "coppice: application shop: the key big is asked for as integer, and is the integer 70000");
  CHECK(refusal([&] { static_cast<void>(env.get<unsigned>("negative")); }) ==
        "coppice: application shop: the key negative is asked for as integer, and is the integer "
        "-1");
  CHECK(refusal([&] { static_cast<void>(env.get<int>("half")); }) ==
        "coppice: application shop: the key half is asked for as integer, and is the float 0.5");
  CHECK(refusal([&] { static_cast<void>(env.get<std::vector<std::string>>("list")); }) ==
        "coppice: application shop: the key list is asked for as array, and is the array [1, 2, "
        "3]");
  CHECK(refusal([&] { static_cast<void>(env.get<int>("nothing")); }) ==
        "coppice: application shop: the key nothing is not one of those that its spec has");
  CHECK_THROWS_AS(config_value{std::numeric_limits<std::uint64_t>::max()}, std::out_of_range);
}

TEST_CASE("a value can be changed while the program runs, to one of its type") {
  const application_env env = env_with({{"port", 4000}, {"ratio", 0.5}});
  const application_env same = env;
  env.set("port", 1);
  env.set("ratio", 2);
  CHECK(same.get<int>("port") == 1);
  CHECK(same.get<double>("ratio") == 2.0);
  CHECK(refusal([&] { env.set("port", "x"); }) ==
        "coppice: application shop: the key port is asked for as integer, and is the string \"x\"");
  CHECK(refusal([&] { env.set("prot", 1); }) ==
        "coppice: application shop: the key prot is not one of those that its spec has");
  CHECK(same.get<int>("port") == 1);
}

TEST_CASE("values are written as TOML writes them") {
  CHECK(config_value{true}.to_string() == "true");
  CHECK(config_value{-3}.to_string() == "-3");
  CHECK(config_value{1.0}.to_string() == "1.0");
  CHECK(config_value{1e300}.to_string() == "1e+300");
  CHECK(config_value{"a\"b\\\n\t\x01"}.to_string() == R"("a\"b\\\n\t\u0001")");
  CHECK(config_value{}.to_string() == "{}");
  CHECK(config_value{{"a b", 1}, {"c-d", config_value::list{1, "x"}}}.to_string() ==
        R"({ "a b" = 1, c-d = [1, "x"] })");
  CHECK(coppice::mandatory<int>().to_string() == "(integer to be set)");
}
