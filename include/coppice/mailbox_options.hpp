#pragma once

#include <cstddef>
#include <limits>

namespace coppice {

/// The reaction of a full mailbox to one message more. It concerns the messages of users only: what
/// coppice itself has to tell, the ends of monitored processes and exit signals, is neither refused
/// nor dropped, and does not count.
enum class overflow {
  refuse,       ///< Refuses it; the sender is told.
  drop_oldest,  ///< Drops the oldest message to make room.
  drop_newest,  ///< Drops the new one; the sender is told.
};

/// The bound of a mailbox, or of the queue of a server. What it costs is told by
/// `mailbox::counts`, and by `sys::get_counts` of a server.
struct mailbox_options {
  /// How many messages wait at the most, apart from coppice's own; at least 1. Unlimited by
  /// default.
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  /// Only of meaning with a limit.
  overflow when_full = overflow::refuse;
};

/// The fate of a message.
enum class send_result {
  delivered,       ///< The message is in the mailbox, or on its way to the loop.
  dropped_oldest,  ///< The message waits in the mailbox; the oldest one was dropped.
  refused,         ///< The mailbox is full.
  dropped,         ///< The mailbox is full, and drops what is new.
  closed,          ///< The mailbox is gone, as it is when its process has ended.
};

}  // namespace coppice
