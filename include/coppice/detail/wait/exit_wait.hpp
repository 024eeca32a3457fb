#pragma once

#include <coppice/detail/runtime/behaviour.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/exit_reason.hpp>

#include <utility>

namespace coppice::detail {

// Throws the reason if the process has to do something when it has called exit(reason).
inline void check_exit(process& p, const exit_reason& reason) {
  const behaviour* const b = p.behaviour();
  if (b != nullptr && b->cleans_up_at_exit()) throw exit_exception{reason};
}

// The wait behind exit(reason): it ends the current process and never completes. It marks the
// process to end when it next suspends, which this very wait makes it do. So the frames are
// destroyed with nothing of them on the stack, and no exception is thrown, which would cost eight
// times as much. `ignored` tells that a start was answered by init_ack::ignore.
struct exit_wait {
  using signature = void();

  scheduler* scheduler_;
  exit_reason reason;
  bool ignored = false;

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void arm(waiter&) {
    process* const p = scheduler_->current();
    if (p == nullptr) return;  // it is awaited outside of processes: there is nothing to end
    p->ignored = ignored;
    scheduler_->exit_on_suspend(*p, std::move(reason));
  }
  [[nodiscard]] static bool poll() noexcept { return false; }
  static void disarm() noexcept {}
  template <class Handler>
  static void complete(Handler&&) noexcept {}
};

}  // namespace coppice::detail
