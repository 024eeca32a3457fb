#include "support/temporary_folder.hpp"

#include <coppice/run_applications.hpp>
#include <coppice/toml_configuration.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <string>

using coppice::config_error;
using coppice::config_value;
using coppice::parse_toml;
using coppice::read_toml;

namespace {

std::string refusal(std::string_view text) {
  try {
    [[maybe_unused]] const auto made = parse_toml(text, "shop.toml");
  } catch (const config_error& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a TOML file has a table for each application") {
  const coppice::configuration made = parse_toml(R"(
    [shop]
    port = 4000
    ratio = 0.5
    open = true
    name = "Zoë's"
    hosts = ["a", "b"]
    [shop.database]
    host = "localhost"
    [log]
  )");
  CHECK(made.size() == 2);
  CHECK(made.at("log") == config_value{});
  CHECK(made.at("shop").to_string() ==
        "{ database = { host = \"localhost\" }, hosts = [\"a\", \"b\"], name = \"Zoë's\", open = "
        "true, port = 4000, ratio = 0.5 }");
  CHECK(parse_toml("").empty());
}

TEST_CASE("what is no configuration is refused, with its place") {
  CHECK(refusal("[shop]\nport = 1\nport = 2\n").starts_with("coppice: shop.toml: line 3, column "));
  CHECK(refusal("port = 1") ==
        "coppice: shop.toml: line 1, column 8: port is no table: what is set belongs to an "
        "application");
  CHECK(refusal("[shop]\nborn = 1979-05-27\n") ==
        "coppice: shop.toml: line 2, column 8: a date or a time has to be written as a string");
  CHECK(refusal("[shop]\nall = [[1979-05-27]]\n").starts_with("coppice: shop.toml: line 2, "));
}

TEST_CASE("a configuration is read from a file") {
  const temporary_folder folder;
  const auto path = folder.path / "shop.toml";
  std::ofstream{path} << "[shop]\nport = 4001\n";
  CHECK(read_toml(path).at("shop").find("port")->to_string() == "4001");
  std::ofstream{path, std::ios::trunc}.flush();
  CHECK(read_toml(path).empty());

  for (const auto& wrong : {folder.path / "none.toml", folder.path}) {
    try {
      [[maybe_unused]] const auto made = read_toml(wrong);
      FAIL("nothing was thrown");
    } catch (const config_error& e) {
      CHECK(std::string{e.what()}.starts_with("coppice: " + wrong.string() +
                                              ": it cannot be read: "));
    }
  }
}

TEST_CASE("an application has what a file sets") {
  std::vector<coppice::application_spec> specs{{.name = "shop", .env = {{"port", 4000}}}};
  CHECK_NOTHROW(static_cast<void>(
      coppice::applications_spec(specs, {.configuration = parse_toml("[shop]\nport = 1\n")})));
  CHECK_THROWS_WITH_AS(
      static_cast<void>(
          coppice::applications_spec(specs, {.configuration = parse_toml("[shop]\nprot = 1\n")})),
      "coppice: the configuration of application shop: prot is not one of its keys (port)",
      config_error);
}
