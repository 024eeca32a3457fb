#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::detail {

// The events of a run, each as a hash of all up to it: two runs are the same if their hashes are,
// and part where these first differ.
class trace {
 public:
  // The hashes are kept of a run that is to be compared with another one. Text is kept of the event
  // with the number `told` only.
  explicit trace(bool kept, std::size_t told = std::size_t(-1)) noexcept
      : kept_{kept}, told_{told} {}

  void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0) {
    for (const char c : what) add(hash_, static_cast<unsigned char>(c));
    add(hash_, a);
    add(hash_, b);
    if (count_++ == told_) {
      text_ = std::string{what} + ' ' + std::to_string(a) + ' ' + std::to_string(b);
    }
    if (kept_) hashes_.push_back(hash_);
  }

  // Gives the hashes away.
  [[nodiscard]] std::vector<std::uint64_t> take_hashes() noexcept { return std::move(hashes_); }
  [[nodiscard]] const std::string& told() const noexcept { return text_; }

 private:
  static void add(std::uint64_t& h, std::uint64_t x) noexcept {
    h = (h ^ x) * 0x100000001b3U;
    h ^= h >> 29U;
  }

  const bool kept_;
  const std::size_t told_;
  std::uint64_t hash_ = 0xcbf29ce484222325U;
  std::size_t count_ = 0;
  std::string text_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace coppice::detail
