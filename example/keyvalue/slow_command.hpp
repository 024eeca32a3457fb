#pragma once

#include "resp.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace keyvalue {

/// A command that took long, as the slow log shows it.
struct slow_command {
  std::int64_t number = 0;  ///< In the log.
  std::chrono::system_clock::time_point when{};
  std::chrono::microseconds took{};
  std::vector<std::string> words{};  ///< As many, and as much of each, as Redis keeps.
  std::string address{};             ///< Of the client.
  std::string name{};                ///< Of the client.

  friend bool operator==(const slow_command&, const slow_command&) = default;
};

/// Finds the slow ones among the commands of one client.
///
/// To read the clock takes longer than to find a value. So commands that are over in microseconds
/// are timed only if the limit is that short.
class slow_commands {
 public:
  using clock = std::chrono::steady_clock;

  /// @param limit What takes as long is slow. Nothing is if it is not given.
  explicit slow_commands(std::optional<std::chrono::microseconds> limit = {}) noexcept
      : limit_{limit} {}

  /// Whether a command is to be timed.
  ///
  /// @param may_take_long Its work grows with what it is given, or with what there is.
  [[nodiscard]] bool is_timed(bool may_take_long) const noexcept {
    return limit_ && (may_take_long || *limit_ < std::chrono::milliseconds{1});
  }
  /// A command has taken that time. Its name, and who sent it, are told if it is a slow one.
  void done(std::span<const argument> request, clock::duration took, const std::string& name);

  [[nodiscard]] bool empty() const noexcept { return found_.empty(); }
  /// The slow ones since the last time, the oldest first.
  [[nodiscard]] std::vector<slow_command> take() { return std::exchange(found_, {}); }

 private:
  std::optional<std::chrono::microseconds> limit_;
  std::vector<slow_command> found_;
};

}  // namespace keyvalue
