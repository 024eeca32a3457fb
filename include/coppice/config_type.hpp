#pragma once

#include <coppice/config_value.hpp>
#include <coppice/detail/configuration/config_reader.hpp>

#include <concepts>
#include <optional>

namespace coppice {

/// What a value of a configuration can be read as: bool, whole numbers, numbers, std::string,
/// lists of these, `config_value::list` and `config_value::table`.
template <class T>
concept config_type = requires(const config_value& v) {
  { detail::config_reader<T>::read(v) } -> std::same_as<std::optional<T>>;
};

/// The default of a key that has none: the application does not start unless a configuration sets
/// it.
///
///     .env = {{"password", coppice::mandatory<std::string>()}}
template <config_type T>
[[nodiscard]] config_value mandatory() noexcept {
  return config_value::missing{detail::config_reader<T>::name};
}

}  // namespace coppice
