#pragma once

#include <coppice/config.hpp>
#include <coppice/config_type.hpp>
#include <coppice/config_value.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coppice {

namespace detail {
struct access;
}  // namespace detail

/// The environment of an application: its keys and their values. The keys are those that its
/// `application_spec` has, each with a default; what a configuration sets comes over the defaults,
/// and what the environment variables of the program say over that. What is set while the program
/// runs comes over all.
///
/// A key may be a path into tables: `env.get<int>("database.port")`.
///
/// A handle: copies share the values, which live as long as any of them.
///
/// @par Thread safety
/// Distinct objects that do not share their values: safe. Otherwise only on the loop's thread.
/// @par Origin
/// The environment of an OTP application (`application:get_env`, `set_env`). Differs: a key that
/// the application does not have is an error and not `undefined`, so a misspelt one is found.
class COPPICE_API application_env {
 public:
  /// The value of a key.
  ///
  /// @tparam T What it is read as: see `config_type`.
  /// @throws config_error naming application and key: there is no such key, it is mandatory and has
  ///   not been set, its value is of another type, or a number too large for T.
  template <config_type T>
  [[nodiscard]] T get(std::string_view key) const {
    const config_value& found = value(key);
    std::optional<T> made = detail::config_reader<T>::read(found);
    if (!made) refuse_type(key, found, detail::config_reader<T>::name);
    return *std::move(made);
  }
  /// The same, or a default where a table has no such key, or nothing has set it. For keys within
  /// tables whose keys the application does not know beforehand.
  template <config_type T>
  [[nodiscard]] T get(std::string_view key, T otherwise) const {
    const config_value* const found = find(key);
    if (found == nullptr || found->is_missing()) return otherwise;
    return get<T>(key);
  }

  /// The value of a key as it stands.
  ///
  /// @throws config_error as `get`.
  [[nodiscard]] const config_value& value(std::string_view key) const;
  /// The same, or null if there is no such key.
  [[nodiscard]] const config_value* find(std::string_view key) const noexcept;

  /// Changes a value. What has been read stays as it is.
  ///
  /// @throws config_error if there is no such key, or the value is of another type than the one
  ///   before; nothing has changed then.
  /// @par Origin
  /// `application:set_env/3`.
  void set(std::string_view key, config_value value) const;

  /// All of it, as one table.
  [[nodiscard]] const config_value::table& values() const noexcept;
  /// The name of the application.
  [[nodiscard]] const std::string& application() const noexcept;

 private:
  friend struct detail::access;

  struct contents {
    std::string application;
    config_value values;
  };

  explicit application_env(std::shared_ptr<contents> c) noexcept : contents_{std::move(c)} {}
  application_env(std::string application, config_value::table values);

  [[noreturn]] void refuse_type(std::string_view key, const config_value& found,
                                std::string_view wanted) const;

  std::shared_ptr<contents> contents_;
};

}  // namespace coppice
