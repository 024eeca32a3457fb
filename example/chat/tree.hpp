#pragma once

#include "connection.hpp"

#include <coppice/supervisor_spec.hpp>

namespace chat {

/// The whole server, as main.cpp shows it.
///
/// @param all Outlives it.
[[nodiscard]] coppice::supervisor_spec make_tree(const common& all);

}  // namespace chat
