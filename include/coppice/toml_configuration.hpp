#pragma once

#include <coppice/config.hpp>
#include <coppice/config_value.hpp>

#include <filesystem>
#include <string_view>

namespace coppice {

/// Reads a configuration from a TOML file: a table for each application, by its name.
///
///     [shop]
///     port = 4000
///     [shop.database]
///     host = "localhost"
///
/// Of the library coppice-toml.
///
/// @throws config_error naming the file and, where it can, line and column: it cannot be read, is no
///   TOML, has something beside tables at its top, or a date or a time, which a `config_value`
///   cannot be (write it as a string).
/// @par Thread safety
/// Safe.
/// @par Origin
/// `sys.config` of an OTP release.
[[nodiscard]] COPPICE_API configuration read_toml(const std::filesystem::path& file);

/// The same of a text.
///
/// @param name Stands for the file in what is thrown.
[[nodiscard]] COPPICE_API configuration parse_toml(std::string_view text,
                                                   std::string_view name = "the text");

}  // namespace coppice
