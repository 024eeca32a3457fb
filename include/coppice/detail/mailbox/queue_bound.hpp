#pragma once

#include <coppice/mailbox_counts.hpp>
#include <coppice/mailbox_options.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace coppice::detail {

// The bound of a queue: decides what happens to one message more, and counts what that costs.
//
// A queue with a limit asks for more than the usual when it is longer than ever before, or full.
// The longest length so far is noted there, so that one comparison serves both; without a limit it
// is never true.
class queue_bound {
 public:
  queue_bound() noexcept = default;
  explicit queue_bound(mailbox_options o) noexcept
      : limit_{o.limit}, mark_{o.limit == unlimited ? unlimited : 0}, when_full_{o.when_full} {}

  // Tells whether one message more needs no decision, where so many wait.
  [[nodiscard]] bool has_room(std::size_t waiting) const noexcept { return waiting < mark_; }
  // Decides what happens to it otherwise. It is `delivered` if the queue only gets longer than ever
  // before.
  [[nodiscard]] send_result decide(std::size_t waiting) const noexcept {
    if (waiting < limit_) return send_result::delivered;
    switch (when_full_) {
      case overflow::drop_oldest: return send_result::dropped_oldest;
      case overflow::drop_newest: return send_result::dropped;
      case overflow::refuse: break;
    }
    return send_result::refused;
  }
  // Notes what has happened to it; so many wait now.
  void count(send_result happened, std::size_t waiting) noexcept {
    if (happened != send_result::delivered) {
      ++shed_;
    } else if (waiting > mark_) {
      mark_ = waiting;
    }
  }

  [[nodiscard]] mailbox_counts counts() const noexcept {
    mailbox_counts all;
    if (limit_ == unlimited) return all;
    all.most_waiting = mark_;
    switch (when_full_) {
      case overflow::refuse: all.refused = shed_; break;
      case overflow::drop_oldest: all.dropped_oldest = shed_; break;
      case overflow::drop_newest: all.dropped_newest = shed_; break;
    }
    return all;
  }

 private:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  std::size_t limit_ = unlimited;
  std::size_t mark_ = unlimited;  // the most that have waited at a time, if there is a limit
  std::uint64_t shed_ = 0;        // how many were dropped or refused: a queue does one of these
  overflow when_full_ = overflow::refuse;
};

}  // namespace coppice::detail
