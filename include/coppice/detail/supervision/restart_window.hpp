#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>

#include <cstddef>
#include <vector>

namespace coppice::detail {

// At most `intensity` restarts are forgiven within one period.
struct restart_budget {
  std::size_t intensity;
  duration period;
};

// Keeps a restart budget: among the restarts that are not older than `period`, at most `intensity`
// are forgiven.
//
// Restarts that were made close to one another are counted together, under the time of the first
// of them, and are forgotten together when that is older than `period`. How close is decided once:
//
// - For budgets of up to `most_entries` restarts, at the very same time. These grow old together,
//   so the count is exact: OTP's rule, with ages in nanoseconds where OTP has whole seconds.
// - For larger budgets, within one part of the period, which is divided into most_entries - 1
//   parts. A restart then counts for at least the period less one part, and at most the period. So
//   there are never more restarts counted than OTP counts in this period, and never fewer than it
//   counts in the period that is one part (0.4 %) shorter: the supervisor never gives up before
//   OTP's would, and at the latest when OTP's would with that shorter period.
//
// Two entries are one part apart at least, and no two in the window are further apart than the
// period: so there are at most `most_entries` of them, which is 4 KiB, whatever the intensity is.
class COPPICE_API restart_window {
 public:
  static constexpr std::size_t most_entries = 256;

  explicit restart_window(restart_budget b) noexcept;
  // Tells whether one more restart is forgiven. If so, that restart counts from now on.
  //
  // `now` is never before the time given last.
  bool record(time_point now);

  // The memory that the window has allocated, in bytes.
  [[nodiscard]] std::size_t bytes() const noexcept { return entries_.size() * sizeof(entry); }

 private:
  struct entry {
    time_point first;
    std::size_t count;
  };

  [[nodiscard]] entry& at(std::size_t i) noexcept {
    return entries_[(front_ + i) & (entries_.size() - 1)];
  }
  void append(time_point now);

  restart_budget budget_;
  duration part_;
  std::vector<entry> entries_;  // a ring of a power of two, from front_ on
  std::size_t front_ = 0;
  std::size_t size_ = 0;   // the number of entries in use
  std::size_t count_ = 0;  // the number of restarts in all of them
};

}  // namespace coppice::detail
