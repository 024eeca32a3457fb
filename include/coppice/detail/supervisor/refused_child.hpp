#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>

#include <stdexcept>
#include <string>

namespace coppice::detail {

// A child that cannot be, because what it was to be made of breaks a rule. It is refused, with
// those words, by whatever is given it: only there the supervisors are known that it stands in.
[[nodiscard]] COPPICE_API child_spec refused_child(std::string id,
                                                   const std::invalid_argument& why);

}  // namespace coppice::detail
