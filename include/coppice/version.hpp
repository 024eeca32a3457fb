#pragma once

#include <coppice/config.hpp>

/// The first number of the headers' version.
#define COPPICE_VERSION_MAJOR 0
/// The second number of the headers' version.
#define COPPICE_VERSION_MINOR 1
/// The third number of the headers' version.
#define COPPICE_VERSION_PATCH 0

/// The version of the headers as a number, to be compared: 100000 for each major version, 100 for
/// each minor one, and the patch. That of 1.2.3 is 100203.
#define COPPICE_VERSION \
  (COPPICE_VERSION_MAJOR * 100000 + COPPICE_VERSION_MINOR * 100 + COPPICE_VERSION_PATCH)

/// The version of the headers as a text.
#define COPPICE_VERSION_STRING "0.1.0"

namespace coppice {

/// Gives the version of the library that the program runs with, as COPPICE_VERSION has it.
///
/// That is another one than the headers' if a shared library has been replaced since the program
/// was compiled.
[[nodiscard]] COPPICE_API int library_version() noexcept;

/// Gives the version of the library that the program runs with, as COPPICE_VERSION_STRING has it.
[[nodiscard]] COPPICE_API const char* library_version_string() noexcept;

}  // namespace coppice
