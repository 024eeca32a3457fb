#include <coppice.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

coppice::application_spec database();
coppice::application_spec shop();

TEST_CASE("the applications of a program come up") {
  // fragment
}
