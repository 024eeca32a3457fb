#pragma once

#include "budget.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace keyvalue {

/// Many bytes, in blocks, so that nothing long is ever copied or allocated at once. It only grows
/// as long as anybody may look: whoever holds a blob and a size has bytes that stay as they are.
class blob {
 public:
  /// The longest block.
  static constexpr std::size_t block_size = std::size_t{1} << 20;

  blob() = default;
  explicit blob(std::string_view bytes) { append(bytes); }
  blob(const blob&) = delete;
  blob& operator=(const blob&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The bytes from `offset` to the end of their block. Valid until something is appended.
  [[nodiscard]] std::string_view at(std::size_t offset) const;

  void append(std::string_view tail);
  /// Frees some blocks from the end.
  ///
  /// @return How many: fewer than `most` if none are left.
  std::size_t shrink(std::size_t most) noexcept;

  /// Takes the blocks of another one, which nobody else has.
  void append(blob&& tail);

  /// Somebody sends it to a client, and keeps it alive for that: it counts against the budget, once
  /// however many they are.
  ///
  /// @return Whether the budget had enough; it is held anyway.
  bool hold(budget& of) noexcept;
  void release(budget& of) noexcept;

 private:
  struct block {
    std::string bytes;
    std::size_t begin;
  };

  std::vector<block> blocks_;
  std::size_t size_ = 0;
  std::size_t holders_ = 0;
  std::size_t paid_ = 0;
};

}  // namespace keyvalue
