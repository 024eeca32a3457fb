#pragma once

#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>

#include <stdexcept>
#include <string>

namespace coppice::detail {

// Makes the spec of a child whose own spec breaks a rule, for instance of a supervisor with two
// children of one id. Every supervisor that is given it refuses it with the text of `why`. The
// error is thrown only there, because only there it is known in which supervisor the child stands.
[[nodiscard]] COPPICE_API child_spec refused_child(std::string id,
                                                   const std::invalid_argument& why);

}  // namespace coppice::detail
