#pragma once

#include <coppice/config_value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace coppice::detail {

// Values as TOML writes them, on one line.
std::string float_text(double d);
std::string quoted(std::string_view text);
std::string list_text(const config_value::list& l);
std::string table_text(const config_value::table& t);

// Reads the text of an environment variable as a value of the same type as `like`. Nothing if it is
// none.
std::optional<config_value> parse_as(const config_value& like, std::string_view text);

}  // namespace coppice::detail
