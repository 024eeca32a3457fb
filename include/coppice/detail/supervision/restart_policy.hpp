#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/supervision/restart_delay.hpp>
#include <coppice/detail/supervision/restart_window.hpp>
#include <coppice/restart_backoff.hpp>
#include <coppice/restart_limit.hpp>

#include <cstddef>
#include <optional>

namespace coppice::detail {

struct supervised_child;

// The terms that the spec of a child sets for its starts beyond OTP's rules; null where it sets
// none.
struct restart_terms {
  const restart_backoff* backoff = nullptr;
  const restart_limit* limit = nullptr;
  std::size_t gates = 0;  // the number of its gates, all of which are closed at first
};

// Decides by these terms what follows when a child has ended and is to be restarted, and whether it
// may be started. It is a timer of the decisions while the child waits, or is on probation.
class COPPICE_API restart_policy : public timer_node {
 public:
  enum class verdict : unsigned char { restart, escalate, drop, park };
  struct decision {
    verdict what = verdict::restart;
    duration pause{};  // before the restart, or while it is parked
  };

  restart_policy(supervised_child& of, const restart_terms& t);

  [[nodiscard]] supervised_child& child() const noexcept { return of_; }
  // Tells whether a restart is to be counted in the budget of the supervisor.
  [[nodiscard]] bool counts() const noexcept;
  // Its own budget if the latest verdict was to escalate, or null.
  [[nodiscard]] const restart_limit* spent_limit() const noexcept {
    return escalated_ ? &*limit_ : nullptr;
  }

  // A start begins; one that somebody has asked for begins anew.
  void begin_start(time_point now, bool asked_for);
  // The child has run and ended, or has failed to start.
  decision after_run(time_point now);
  decision after_failed_start(time_point now);
  // Gives the pause of the latest decision.
  [[nodiscard]] duration pause() const noexcept { return pause_; }

  // The child is parked until it is started.
  [[nodiscard]] bool is_parked() const noexcept { return parked_; }
  // It has been started since it was parked, and has not recovered yet.
  [[nodiscard]] bool is_on_probation() const noexcept { return on_probation_; }
  [[nodiscard]] time_point end_of_probation() const noexcept;
  void recover() noexcept;

  // It is not started since a gate is closed.
  [[nodiscard]] bool is_held_back() const noexcept { return held_back_; }
  void hold_back() noexcept { held_back_ = true; }
  [[nodiscard]] bool is_gated() const noexcept { return closed_gates_ > 0; }
  void open_gate() noexcept { --closed_gates_; }
  void close_gate() noexcept { ++closed_gates_; }

  // The child waits no more and is to be started, but that has not come about yet.
  [[nodiscard]] bool is_due() const noexcept { return due_; }
  void set_due() noexcept { due_ = true; }
  // It waits for nothing any more.
  void stop_waiting() noexcept { due_ = held_back_ = false; }

 private:
  decision decide(time_point now, std::optional<duration> run);

  supervised_child& of_;
  std::optional<restart_delay> delay_;
  std::optional<restart_limit> limit_;
  std::optional<restart_window> window_;  // of the limit
  std::size_t closed_gates_;
  duration pause_{};
  time_point since_{};  // its latest start
  bool parked_ = false;
  bool on_probation_ = false;
  bool held_back_ = false;
  bool due_ = false;
  bool escalated_ = false;
};

}  // namespace coppice::detail
