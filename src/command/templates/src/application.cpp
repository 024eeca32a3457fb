#include <@path@/application.hpp>
#include <@path@/greeter.hpp>

#include <coppice/child_spec.hpp>
#include <coppice/supervisor_spec.hpp>

#include <iostream>

namespace @module@ {

namespace {

coppice::supervisor_spec start() {
  return {
      .name = "@name@.supervisor",
      .strategy = coppice::one_for_one,
      .children =
          {
              // coppice::worker("greeter", [] { return greeter(std::cout); }),
          },
  };
}

}  // namespace

coppice::application_spec application() {
  return {
      .name = "@name@",
      .version = "0.1.0",
      .start = start,
  };
}

}  // namespace @module@
