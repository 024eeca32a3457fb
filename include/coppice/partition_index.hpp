#pragma once

#include <coppice/detail/supervisor/key_number.hpp>

#include <cstddef>

namespace coppice {

/// Which of so many partitions a key belongs to: for an integer the remainder of its absolute
/// value, for a string (of whatever sort: the same text, the same partition) and everything else
/// that of its `std::hash`. The spread is that of the hash: libstdc++'s of a pointer is its
/// address.
///
/// @param partitions Above zero.
/// @par Thread safety
/// Safe.
/// @par Origin
/// The routing of Elixir's PartitionSupervisor, where `phash2` is the hash of what is no integer.
template <partition_key Key>
[[nodiscard]] constexpr std::size_t partition_index(const Key& key,
                                                    std::size_t partitions) noexcept {
  return static_cast<std::size_t>(detail::key_number(key) % partitions);
}

}  // namespace coppice
