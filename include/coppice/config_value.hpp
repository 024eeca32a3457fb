#pragma once

#include <coppice/config.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

/// Thrown where a configuration breaks a rule: a key is missing or unknown, or a value is of
/// another type. The text names the application, the key and the rule.
class COPPICE_API config_error : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
  ~config_error() override;
};

/// A value of a configuration: a truth value, a whole number, a number, a text, a list or a table;
/// or none yet, of a type that is asked for (`mandatory`).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class COPPICE_API config_value {
 public:
  /// Values in an order, of any types.
  using list = std::vector<config_value>;
  /// Values by their keys.
  using table = std::map<std::string, config_value, std::less<>>;
  /// Stands for a value that has to come from a configuration. Holds the name of its type.
  struct missing {
    std::string_view type;  ///< As `type_name` gives it.
    friend bool operator==(const missing&, const missing&) noexcept = default;
  };

  /// An empty table.
  config_value() : value_{table{}} {}
  config_value(bool b) noexcept : value_{b} {}
  /// @throws std::out_of_range if it is above what a 64-bit signed number can be.
  template <std::integral I>
  requires(!std::same_as<I, bool>) config_value(I i) : value_{checked(i)} {}
  config_value(double d) noexcept : value_{d} {}
  config_value(std::string s) noexcept : value_{std::move(s)} {}
  config_value(std::string_view s) : value_{std::string{s}} {}
  config_value(const char* s) : value_{std::string{s}} {}
  config_value(list l) noexcept : value_{std::move(l)} {}
  config_value(table t) noexcept : value_{std::move(t)} {}
  config_value(missing m) noexcept : value_{m} {}
  /// A table: `{{"host", "localhost"}, {"port", 5432}}`.
  config_value(std::initializer_list<table::value_type> entries) : value_{table{entries}} {}

  /// "boolean", "integer", "float", "string", "array" or "table", as TOML calls them.
  [[nodiscard]] std::string_view type_name() const noexcept;
  /// Whether it still has to be set: see `mandatory`.
  [[nodiscard]] bool is_missing() const noexcept { return std::holds_alternative<missing>(value_); }

  /// The value as a T, or null if it is of another type: bool, std::int64_t, double, std::string,
  /// list or table.
  template <class T>
  [[nodiscard]] const T* get_if() const noexcept {
    return std::get_if<T>(&value_);
  }
  template <class T>
  [[nodiscard]] T* get_if() noexcept {
    return std::get_if<T>(&value_);
  }

  /// The value within tables, by its path: "database.port". Null if there is none.
  [[nodiscard]] const config_value* find(std::string_view path) const noexcept;
  [[nodiscard]] config_value* find(std::string_view path) noexcept {
    return const_cast<config_value*>(std::as_const(*this).find(path));
  }

  /// Whether the other value may stand where this one stands: it is of the same type, or a whole
  /// number in place of a number.
  [[nodiscard]] bool accepts(const config_value& other) const noexcept;

  /// As TOML writes it, on one line.
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const config_value&, const config_value&) = default;

 private:
  template <class I>
  static std::int64_t checked(I i) {
    if (!std::in_range<std::int64_t>(i)) {
      throw std::out_of_range{"coppice: a number of a configuration has 64 bits and a sign"};
    }
    return static_cast<std::int64_t>(i);
  }

  std::variant<bool, std::int64_t, double, std::string, list, table, missing> value_;
};

/// The environments of applications, by the names of these: what a file has set.
using configuration = std::map<std::string, config_value, std::less<>>;

}  // namespace coppice
