#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/process/exit_notice.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <utility>

namespace coppice::detail {

// The waits of sleep_for, yield and await_exit. wait/operation.hpp tells what their members mean.

struct COPPICE_API sleep_wait {
  using signature = void(boost::system::error_code);
  static constexpr wait_kind kind = wait_kind::time;

  scheduler* scheduler_;
  duration time;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept { return timer.has_expired(); }
  void disarm() noexcept;
  template <class Handler>
  static void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }
};

struct yield_wait {
  using signature = void(boost::system::error_code);
  // A task needs no more for it than a place in the run queue.
  static constexpr bool is_yield = true;

  [[nodiscard]] static scheduler& home() { return here(); }
  static void arm(waiter& w) noexcept { w.wake(); }
  static bool poll() noexcept { return true; }
  static void disarm() noexcept {}
  template <class Handler>
  static void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }
};

// On which a process can be awaited from here. Throws if it cannot.
COPPICE_API scheduler& check_awaited(const pid& target);

struct COPPICE_API await_exit_wait {
  using signature = void(boost::system::error_code, exit_reason);
  static constexpr wait_kind kind = wait_kind::process;

  scheduler* scheduler_;
  pid target;
  exit_notice news{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept { return news.reason.has_value(); }
  void disarm() noexcept { news.unlink(); }
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(*news.reason));
  }
};

}  // namespace coppice::detail
