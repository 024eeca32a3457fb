#pragma once

#include <coppice/config_value.hpp>

#include <string>

namespace coppice::detail {

// The environment of an application: its defaults, with what a configuration has set over them, and
// with what the environment variables of the program say over that. `set` may be null.
//
// Throws config_error if something is set that the application does not have, or that is of another
// type.
config_value::table environment_of(const std::string& application, config_value::table defaults,
                                   const config_value* set, bool environment_variables);

// Throws config_error, naming all of them, if mandatory keys have not been set.
void check_complete(const std::string& application, const config_value::table& values,
                    bool environment_variables);

}  // namespace coppice::detail
