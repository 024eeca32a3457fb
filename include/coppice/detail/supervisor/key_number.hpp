#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>

namespace coppice {

/// A key by which a message is routed to a partition: an integer, a string of any sort, or any type
/// that has a `std::hash`.
template <class Key>
concept partition_key =
    std::integral<Key> ||
    (!std::is_class_v<Key> && std::convertible_to<const Key&, std::string_view>) ||
    requires(const Key& key) {
      { std::hash<Key>{}(key) } -> std::convertible_to<std::size_t>;
    };

namespace detail {

// Gives the number of a key, whose remainder is the partition. An integer counts by its absolute
// value, as in Elixir's PartitionSupervisor, so that consecutive ones are spread evenly.
template <partition_key Key>
constexpr std::uintmax_t key_number(const Key& key) noexcept {
  if constexpr (std::integral<Key>) {
    static_assert(sizeof(Key) <= sizeof(std::uintmax_t));
    // The arithmetic is unsigned, so that the lowest value of a type has an absolute value, too.
    const auto number = static_cast<std::uintmax_t>(key);
    if constexpr (std::signed_integral<Key>) return key < 0 ? 0 - number : number;
    return number;
  } else if constexpr (!std::is_class_v<Key> && std::convertible_to<const Key&, std::string_view>) {
    return std::hash<std::string_view>{}(key);
  } else {
    return std::hash<Key>{}(key);
  }
}

}  // namespace detail

}  // namespace coppice
