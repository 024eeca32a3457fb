#include <coppice.hpp>
#include <coppice/toml_configuration.hpp>

#include <iostream>
#include <vector>

// A program of one application, which is configured by a TOML text and stops itself.
int main() {
  coppice::application_spec shop{.name = "shop", .env = {{"port", 4000}}};
  shop.start = [](const coppice::application_env& env) -> coppice::supervisor_spec {
    std::cout << "the shop has port " << env.get<int>("port") << std::endl;
    const auto leave = []() -> coppice::task<> {
      coppice::stop_program();
      co_return;
    };
    return {.strategy = coppice::one_for_one,
            .children = {coppice::worker("leave", leave).with_restart(coppice::temporary)}};
  };
  coppice::program_options options{.configuration = coppice::parse_toml("[shop]\nport = 4001\n")};
  return coppice::run_applications({shop}, options);
}
