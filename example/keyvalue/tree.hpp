#pragma once

#include "common.hpp"

#include <coppice/supervisor_spec.hpp>

namespace keyvalue {

/// The names of the root and of the acceptor.
inline constexpr const char* tree_name = "keyvalue";
inline constexpr const char* acceptor_name = "keyvalue.clients";

/// The whole server, as main.cpp shows it.
///
/// @param all Outlives it.
[[nodiscard]] coppice::supervisor_spec make_tree(common& all);

}  // namespace keyvalue
