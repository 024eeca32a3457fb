#pragma once

#include "blob.hpp"
#include "change_log.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace keyvalue {

/// A value: a text, or bytes that are shared with whoever sends them.
struct value {
  std::string text{};
  /// In place of the text, if it is long.
  std::shared_ptr<blob> bytes{};

  [[nodiscard]] std::size_t size() const noexcept { return bytes ? bytes->size() : text.size(); }
};

/// Keys and their values, some of which live for a limited time.
///
/// A value whose time is up is never seen again, though it may take up memory until the next
/// `sweep()`. An operation that throws (`std::bad_alloc`) leaves the store in order.
class store {
 public:
  using clock = std::chrono::steady_clock;

  /// The longest value, in bytes.
  static constexpr std::size_t max_value_size = std::size_t{512} << 20;
  /// The longest that is kept as a text, and copied by those who send it.
  static constexpr std::size_t max_text_size = std::size_t{4} << 10;

  /// @param now Where the time comes from.
  explicit store(clock::time_point (*now)() = &clock::now) noexcept : now_{now} {}
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  /// From now on each key is noted there when its value changes, is deleted or ends.
  ///
  /// @param log Outlives the store.
  void note_changes_in(change_log& log) noexcept { changes_ = &log; }

  /// The value, or null. Valid until the key is next written to.
  [[nodiscard]] const value* find(std::string_view key);
  /// For how long it will be there; nothing if that is for ever, or there is none.
  [[nodiscard]] std::optional<clock::duration> time_left(std::string_view key) const;

  /// Sets a value.
  ///
  /// @param lifetime For how long; for ever by default, whatever was said when it was set before.
  void set(std::string_view key, std::string_view text,
           std::optional<clock::duration> lifetime = {});
  void set(std::string_view key, std::shared_ptr<blob> bytes,
           std::optional<clock::duration> lifetime = {});

  /// Appends to a value, which keeps its lifetime; there is an empty one if there is none.
  ///
  /// @return How long it is then; nothing if that would be too long.
  std::optional<std::size_t> append(std::string_view key, std::string_view tail);
  std::optional<std::size_t> append(std::string_view key, blob&& tail);

  enum class add_result : unsigned char {
    ok,
    not_an_integer,  ///< The value is something else.
    overflow,        ///< The sum is out of range.
  };
  /// Adds to an integer, which keeps its lifetime; there is a zero if there is none.
  add_result add(std::string_view key, std::int64_t amount, std::int64_t& sum);

  /// @return Whether it was there.
  bool erase(std::string_view key);

  void clear();

  /// How many values there are, those included that wait to be swept.
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

  static constexpr std::size_t block_cost = 50;

  /// Frees values whose time is up, and values of several blocks that are not in use any more.
  ///
  /// @param most How many values at the most; a block of a long one counts as `block_cost`.
  /// @return How many.
  std::size_t sweep(std::size_t most);

 private:
  // By the time at which they end. The keys are those in `values_`, which stay where they are.
  using lifetimes = std::multimap<clock::time_point, const std::string*>;

  struct entry {
    keyvalue::value value{};
    std::optional<lifetimes::iterator> ends{};
  };
  struct key_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>{}(key);
    }
  };
  using table = std::unordered_map<std::string, entry, key_hash, std::equal_to<>>;

  void put(std::string_view key, value&& v, std::optional<clock::duration> lifetime);
  void note(std::string_view key) {
    if (changes_ != nullptr) changes_->note(key);
  }
  table::iterator look_up(std::string_view key);
  void remove(table::iterator it);
  void discard(value& v);

  clock::time_point (*now_)();
  change_log* changes_ = nullptr;
  table values_;
  lifetimes lifetimes_;
  // Values of several blocks that cannot be found any more. To free one at once takes too long.
  std::vector<std::shared_ptr<blob>> discarded_;
};

}  // namespace keyvalue
