#include <coppice/version.hpp>

namespace coppice {

int library_version() noexcept { return COPPICE_VERSION; }

const char* library_version_string() noexcept { return COPPICE_VERSION_STRING; }

}  // namespace coppice
