#include <@path@.hpp>

namespace @module@ {

std::string_view hello() { return "world"; }

}  // namespace @module@
