#pragma once

#include "slow_command.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

namespace keyvalue {

/// What a client wants of the slow log.
struct slow_log_query {
  enum class kind : unsigned char { get, length, reset };
  kind what = kind::get;
  std::size_t most = 0;  ///< So many commands at the most, the latest ones.
};

/// The commands, the latest first; their number; or nothing, after a reset.
using slow_log_answer = std::variant<std::monostate, std::size_t, std::vector<slow_command>>;

/// The latest of the commands that took long, those of all clients.
class slow_log {
 public:
  /// How many are kept.
  static constexpr std::size_t most = 128;

  /// Takes one more, and numbers it.
  void add(slow_command command);
  [[nodiscard]] slow_log_answer answer(const slow_log_query& query);

  friend bool operator==(const slow_log&, const slow_log&) = default;

 private:
  std::deque<slow_command> commands_{};  // the latest first
  std::int64_t next_number_ = 0;
};

}  // namespace keyvalue
