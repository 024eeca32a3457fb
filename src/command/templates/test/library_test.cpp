#include <@path@.hpp>

#include <doctest/doctest.h>

#include <string_view>

TEST_CASE("hello greets the world") {
  const std::string_view greeted = @module@::hello();
  CHECK(greeted == "world");
}
