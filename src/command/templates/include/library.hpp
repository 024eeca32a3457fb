#pragma once

#include <string_view>

namespace @module@ {

/// Says whom the world greets: it is the place to begin.
///
///     @module@::hello()  // "world"
[[nodiscard]] std::string_view hello();

}  // namespace @module@
