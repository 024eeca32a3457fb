#pragma once

#include <coppice/application.hpp>

namespace @module@ {

/// What the program runs: the top supervisor and, under it, all that lives in the program.
[[nodiscard]] coppice::application_spec application();

}  // namespace @module@
