#pragma once

// Before the constants below: g++ -Wshadow takes an enumerator of `errc` that is declared after a
// constant of that name for one that hides it.
#include <coppice/detail/base/saturated.hpp>
#include <coppice/error.hpp>
#include <coppice/time_limit.hpp>

#include <chrono>

namespace coppice {

/// When a child is started again after it ended by itself.
enum class restart : unsigned char {
  permanent,  ///< Always.
  transient,  ///< Unless it ended as expected: normal, or shutdown with or without a note.
  temporary,  ///< Never; its spec is dropped.
};

/// The values of `restart`, for short.
inline constexpr restart permanent = restart::permanent;
inline constexpr restart transient = restart::transient;
inline constexpr restart temporary = restart::temporary;

/// What a child is. Only of meaning for counts, listings and the default of its shutdown.
enum class child_type : unsigned char {
  worker,  ///< Any process that supervises nobody.
  supervisor,  ///< One with children of its own.
};

/// How a supervisor stops a child: for how long it waits after asking, before it kills.
///
/// Converts from any chrono duration, in whatever unit: `.shutdown = 5s`; from `brutal_kill`; and
/// from `infinity`, to wait for ever. Zero asks, and kills as
/// soon as the clock has moved, unless the child has ended by then. Negative ones are refused when
/// the spec is used. What is too long for a duration of `steady_clock`, 292 years, is the longest
/// one, whose time never runs out.
class shutdown {
 public:
  /// Of `steady_clock`.
  using duration = std::chrono::steady_clock::duration;

  /// Kill without asking.
  struct brutal_kill_t {};

  /// Asks and waits for so long; kills at once; or asks and waits for ever.
  template <class Rep, class Period>
  constexpr shutdown(std::chrono::duration<Rep, Period> time) noexcept
      : time_{detail::saturated(time)}, kind_{kind::timed} {}
  constexpr shutdown(brutal_kill_t) noexcept : kind_{kind::brutal_kill} {}
  constexpr shutdown(infinity_t) noexcept : kind_{kind::unlimited} {}

  /// Whether it kills without asking.
  [[nodiscard]] constexpr bool is_brutal_kill() const noexcept {
    return kind_ == kind::brutal_kill;
  }
  /// Whether it waits for ever.
  [[nodiscard]] constexpr bool is_infinity() const noexcept { return kind_ == kind::unlimited; }
  /// Whether it waits for `time()`, and kills then.
  [[nodiscard]] constexpr bool is_timed() const noexcept { return kind_ == kind::timed; }
  /// Only of meaning if `is_timed()`.
  [[nodiscard]] constexpr duration time() const noexcept { return time_; }

  friend constexpr bool operator==(const shutdown&, const shutdown&) noexcept = default;

 private:
  enum class kind : unsigned char { timed, brutal_kill, unlimited };

  duration time_{};
  kind kind_;
};

/// As `shutdown` of a child: it is killed without being asked.
inline constexpr shutdown::brutal_kill_t brutal_kill{};

/// Which children a supervisor restarts when one has to be.
enum class strategy : unsigned char {
  one_for_one,         ///< The child alone.
  one_for_all,         ///< All children, after stopping the others in reverse start order.
  rest_for_one,        ///< The child and those started after it.
  simple_one_for_one,  ///< The child alone; `start_child()` makes all children from one template.
};

/// The values of `strategy`, for short.
inline constexpr strategy one_for_one = strategy::one_for_one;
inline constexpr strategy one_for_all = strategy::one_for_all;
inline constexpr strategy rest_for_one = strategy::rest_for_one;
inline constexpr strategy simple_one_for_one = strategy::simple_one_for_one;

/// Whether a supervisor ends when its work is done.
enum class auto_shutdown : unsigned char {
  never,            ///< The supervisor does not end by itself; significant children are refused.
  any_significant,  ///< When one significant child has ended by itself, and is not restarted.
  all_significant,  ///< When the last active one has.
};

}  // namespace coppice
