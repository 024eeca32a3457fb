#include <coppice/version.hpp>

#include <doctest/doctest.h>

#include <string>

TEST_CASE("the version is a text and a number that can be compared") {
  const std::string text = std::to_string(COPPICE_VERSION_MAJOR) + '.' +
                           std::to_string(COPPICE_VERSION_MINOR) + '.' +
                           std::to_string(COPPICE_VERSION_PATCH);
  CHECK(COPPICE_VERSION_STRING == text);
  CHECK(COPPICE_VERSION / 100000 == COPPICE_VERSION_MAJOR);
  CHECK(COPPICE_VERSION / 100 % 1000 == COPPICE_VERSION_MINOR);
  CHECK(COPPICE_VERSION % 100 == COPPICE_VERSION_PATCH);
#if COPPICE_VERSION < 100
  FAIL("there was none before 0.1.0");
#endif
}

TEST_CASE("a program can tell which version of the library it runs with") {
  CHECK(coppice::library_version() == COPPICE_VERSION);
  CHECK(coppice::library_version_string() == std::string{COPPICE_VERSION_STRING});
}
