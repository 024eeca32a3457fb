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

/// The server that keeps the latest of the commands that took long, those of all clients.
///
/// They are cast, and nobody waits for that. What is not handled when the server ends is kept with
/// the rest, for the next one.
class slow_log {
 public:
  /// How many are kept. No more need wait for it, as these would be the ones that it keeps.
  static constexpr std::size_t most = 128;

  struct note {
    slow_command command;
  };
  struct ask {
    using reply = slow_log_answer;
    slow_log_query query;
  };

  void handle(note m);
  slow_log_answer handle(ask m);
  void undelivered(note m) { handle(std::move(m)); }

  struct kept {
    std::deque<slow_command> commands{};  ///< The latest first.
    std::int64_t next_number = 0;

    friend bool operator==(const kept&, const kept&) = default;
  };
  [[nodiscard]] kept state() const { return kept_; }
  void restore(kept k) { kept_ = std::move(k); }

 private:
  kept kept_;
};

}  // namespace keyvalue
