#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// What is fuzzed: each target takes any bytes, and ends the program if something is wrong that no
// sanitizer sees. libFuzzer calls one of them (libfuzzer.cpp), play.cpp all of them with what was
// found before.

namespace fuzz {

void resp(std::string_view input);
void scenario(std::string_view input);
void console(std::string_view input);
void stash_codec(std::string_view input);

inline void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", rule);
  std::abort();
}

// Takes the input apart. There is always something to take: zeros, when it is used up.
class source {
 public:
  explicit source(std::string_view input) noexcept : left_{input} {}

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return left_; }

  std::uint8_t byte() noexcept {
    if (left_.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return b;
  }
  std::uint64_t number(std::size_t bytes = 8) noexcept {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < bytes; ++i) n = n << 8 | byte();
    return n;
  }
  std::string_view text() noexcept {
    const std::string_view taken = left_.substr(0, byte_limit());
    left_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::size_t byte_limit() noexcept {
    const std::size_t wanted = byte();
    return std::min(wanted, left_.size());
  }

  std::string_view left_;
};

}  // namespace fuzz
