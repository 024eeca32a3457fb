#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/pid.hpp>

#include <string_view>

namespace coppice::detail {

COPPICE_API pid spawn_body(scheduler& s, body_ptr&& what, std::string_view label);
COPPICE_API pid spawn_linked(body_ptr&& what, std::string_view label);

}  // namespace coppice::detail
