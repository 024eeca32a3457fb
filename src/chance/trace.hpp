#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::detail {

// The events of a run, each as a hash of all up to it: two runs are the same if their hashes are,
// and part where these first differ.
class trace {
 public:
  // Text is kept of the event with this number only, since most runs need none.
  explicit trace(std::size_t told = std::size_t(-1)) noexcept : told_{told} {}

  void note(std::string_view what, std::uint64_t a = 0, std::uint64_t b = 0) {
    std::uint64_t h = hash();
    for (const char c : what) add(h, static_cast<unsigned char>(c));
    add(h, a);
    add(h, b);
    if (hashes_.size() == told_) {
      text_ = std::string{what} + ' ' + std::to_string(a) + ' ' + std::to_string(b);
    }
    hashes_.push_back(h);
  }

  [[nodiscard]] std::uint64_t hash() const noexcept {
    return hashes_.empty() ? 0xcbf29ce484222325U : hashes_.back();
  }
  [[nodiscard]] const std::vector<std::uint64_t>& hashes() const noexcept { return hashes_; }
  [[nodiscard]] const std::string& told() const noexcept { return text_; }

 private:
  static void add(std::uint64_t& h, std::uint64_t x) noexcept {
    h = (h ^ x) * 0x100000001b3U;
    h ^= h >> 29U;
  }

  std::size_t told_;
  std::string text_;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace coppice::detail
