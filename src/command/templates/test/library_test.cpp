#include <@path@.hpp>

#include <doctest/doctest.h>

TEST_CASE("hello greets the world") { CHECK(@module@::hello() == "world"); }
