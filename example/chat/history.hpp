#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

/// What all users in a room are told, as it is written to each of them.
struct line {
  /// Counts up by one within a room; 0 if it is not kept.
  std::uint64_t number = 0;
  std::shared_ptr<const std::string> text{};

  friend bool operator==(const line&, const line&) noexcept = default;
};

/// The last lines that were said in a room.
class history {
 public:
  /// @param most So many are kept.
  /// @param first The number of the first line.
  history(std::size_t most, std::uint64_t first) : most_{most}, next_{first} {}

  /// Numbers it "said NUMBER NICK TEXT", and keeps it. The oldest one makes room if need be.
  line add(std::string_view nick, std::string_view text);

  /// The lines that are kept, and have higher numbers.
  [[nodiscard]] std::vector<line> after(std::uint64_t number) const;

  friend bool operator==(const history&, const history&) noexcept = default;

 private:
  std::size_t most_;
  std::uint64_t next_;
  std::deque<line> lines_{};
};

}  // namespace chat
