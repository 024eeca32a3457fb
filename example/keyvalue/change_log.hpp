#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace keyvalue {

/// Which keys have changed since their values were last written to a file: set, deleted or expired,
/// it does not say which.
///
/// However often a key changes in between, it is there once; what is written is its value by then.
class change_log {
 public:
  using keys = std::unordered_set<std::string>;

  void note(std::string_view key) { changed_.emplace(key); }

  /// Takes the keys that have changed, to write them. They count as under way until `written()`.
  [[nodiscard]] keys take() noexcept {
    writing_ = true;
    return std::exchange(changed_, {});
  }
  /// All that was taken is written.
  void written() noexcept { writing_ = false; }

  /// Whether the file has the value of every key.
  [[nodiscard]] bool all_written() const noexcept { return !writing_ && changed_.empty(); }

 private:
  keys changed_;
  bool writing_ = false;
};

}  // namespace keyvalue
