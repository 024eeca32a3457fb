#pragma once

#include <cstdint>

namespace coppice {

/// What the bound of a mailbox, or of the queue of a server, has cost since it was made. All zero
/// if it has no limit: nothing is counted then.
///
/// What coppice itself has to tell is not counted, as it does not count against the limit. What
/// comes from another thread is counted when it arrives.
struct mailbox_counts {
  std::uint64_t refused = 0;         ///< New messages that were refused (`overflow::refuse`).
  std::uint64_t dropped_oldest = 0;  ///< Oldest messages that were dropped to make room.
  std::uint64_t dropped_newest = 0;  ///< New messages that were dropped.
  /// How many have waited at a time, at the most. A call that an idle server handles at once has
  /// not waited.
  std::uint64_t most_waiting = 0;

  friend bool operator==(const mailbox_counts&, const mailbox_counts&) = default;
};

}  // namespace coppice
