#pragma once

#include "store.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace keyvalue {

/// A value as it is kept in a file. The time at which it ends is that of the wall clock, which goes
/// on while the program is down.
struct kept_value {
  using clock = std::chrono::system_clock;

  keyvalue::value value{};
  std::optional<clock::time_point> ends{};
};

/// The bytes that are kept of it: a letter, the end in milliseconds since 1970 if there is one, and
/// then the value as it is.
[[nodiscard]] std::string encode(const kept_value& v);

/// @throws std::invalid_argument if these are not the bytes of a value.
[[nodiscard]] kept_value decode(std::string_view bytes);

}  // namespace keyvalue
