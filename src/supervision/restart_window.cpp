#include <coppice/detail/supervision/restart_window.hpp>

#include <algorithm>
#include <utility>

// The restart budget, as OTP's add_restart/1 keeps it: the restarts of the last period are
// remembered, and one more is allowed while there are fewer than the intensity. OTP remembers each
// one in a list; here close ones share an entry, so that a budget of a million takes no megabytes.

namespace coppice::detail {

namespace {

// Gives the length of a part of the period, within which restarts share an entry. It is rounded up,
// so that the parts cover the whole period.
duration part_of(const restart_budget& b) noexcept {
  constexpr auto parts = static_cast<duration::rep>(restart_window::most_entries - 1);
  constexpr duration instant{1};
  if (b.intensity <= restart_window::most_entries) return instant;
  const bool uneven = b.period % parts != duration::zero();
  return std::max(instant, b.period / parts + (uneven ? instant : duration::zero()));
}

}  // namespace

restart_window::restart_window(restart_budget b) noexcept : budget_{b}, part_{part_of(b)} {}

// OTP's in_period/3 counts a restart that is exactly one period old, and so does the comparison
// here. Entries are in order of time, so forgetting stops at the first that is young enough. A
// restart that is not forgiven is not recorded: its supervisor ends.
bool restart_window::record(time_point now) {
  for (; size_ > 0 && now - at(0).first > budget_.period; --size_) {
    count_ -= at(0).count;
    ++front_;
  }
  if (count_ >= budget_.intensity) return false;
  if (size_ > 0 && now - at(size_ - 1).first < part_) {
    ++at(size_ - 1).count;
  } else {
    append(now);
  }
  ++count_;
  return true;
}

void restart_window::append(time_point now) {
  if (size_ == entries_.size()) {
    // The size stays a power of two, which `at` relies on. The window grows on demand: most
    // supervisors never restart a child, and then have no entries at all.
    std::vector<entry> larger(std::max<std::size_t>(4, 2 * entries_.size()));
    for (std::size_t i = 0; i < size_; ++i) larger[i] = at(i);
    entries_ = std::move(larger);
    front_ = 0;
  }
  at(size_++) = {now, 1};
}

}  // namespace coppice::detail
