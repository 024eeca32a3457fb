#pragma once

#include <coppice/config_value.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::detail {

// Gives a value as what C++ makes of it, or nothing if it is of another type or does not fit.
template <class T>
struct config_reader;

template <class T>
requires std::same_as<T, bool> || std::same_as<T, std::string> ||
    std::same_as<T, config_value::list> || std::same_as<T, config_value::table>
struct config_reader<T> {
  static constexpr std::string_view name = std::same_as<T, bool>                 ? "boolean"
                                           : std::same_as<T, std::string>        ? "string"
                                           : std::same_as<T, config_value::list> ? "array"
                                                                                 : "table";
  static std::optional<T> read(const config_value& v) {
    const T* const found = v.get_if<T>();
    return found != nullptr ? std::optional<T>{*found} : std::nullopt;
  }
};

template <std::integral T>
requires(!std::same_as<T, bool>) struct config_reader<T> {
  static constexpr std::string_view name = "integer";
  static std::optional<T> read(const config_value& v) {
    const auto* const found = v.get_if<std::int64_t>();
    if (found == nullptr || !std::in_range<T>(*found)) return std::nullopt;
    return static_cast<T>(*found);
  }
};

template <std::floating_point T>
struct config_reader<T> {
  static constexpr std::string_view name = "float";
  static std::optional<T> read(const config_value& v) {
    if (const auto* const d = v.get_if<double>()) return static_cast<T>(*d);
    if (const auto* const i = v.get_if<std::int64_t>()) return static_cast<T>(*i);
    return std::nullopt;
  }
};

template <class T>
struct config_reader<std::vector<T>> {
  static constexpr std::string_view name = "array";
  static std::optional<std::vector<T>> read(const config_value& v) {
    const auto* const found = v.get_if<config_value::list>();
    if (found == nullptr) return std::nullopt;
    std::vector<T> all;
    for (const config_value& one : *found) {
      std::optional<T> made = config_reader<T>::read(one);
      if (!made) return std::nullopt;
      all.push_back(*std::move(made));
    }
    return all;
  }
};

}  // namespace coppice::detail
