#pragma once

#include <coppice/config.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

namespace coppice {

namespace detail {
class process;
class scheduler;
struct access;
}

/// Names one process, for ever: the number in it is never used again on the same io_context.
///
/// A pid owns nothing and keeps nothing alive. It may be kept, compared and printed at any time,
/// and used as long as the io_context lives on which the process ran.
///
/// @par Thread safety
/// Copies, comparison, printing, `alive`: safe, though the answer of `alive` may be old on another
/// thread than the loop's. What takes a pid is for the loop's thread, unless it says otherwise, as
/// `exit`, `kill`, and the calls and casts of a `server_ref` do.
class COPPICE_API pid {
 public:
  /// Names no process.
  pid() noexcept = default;

  /// Whether it names a process at all, alive or not.
  explicit operator bool() const noexcept { return number_ != 0; }

  /// Whether the process has not ended yet. False as soon as its death is told to anyone; a report
  /// of its crash comes before that.
  [[nodiscard]] bool alive() const noexcept;

  /// Counts up from 1 on each io_context, in the order of spawning.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  /// "<7>"
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const pid&, const pid&) noexcept = default;
  friend std::strong_ordering operator<=>(const pid&, const pid&) noexcept = default;

 private:
  friend struct detail::access;

  pid(detail::process* slot, std::uint64_t number) noexcept : slot_{slot}, number_{number} {}

  // The slot, or null if the process has ended.
  [[nodiscard]] inline detail::process* get() const noexcept;  // in detail/runtime/process.hpp
  // The scheduler on which the process ran, or null for an empty pid.
  [[nodiscard]] detail::scheduler* home() const noexcept;

  detail::process* slot_ = nullptr;
  std::uint64_t number_ = 0;
};

/// Writes `to_string()`.
COPPICE_API std::ostream& operator<<(std::ostream& out, const pid& id);

}  // namespace coppice

/// Lets a pid be a key.
template <>
struct std::hash<coppice::pid> {
  /// Equal for equal pids.
  std::size_t operator()(const coppice::pid& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.number());
  }
};
