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

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <optional>
#include <utility>

namespace coppice::detail {

struct COPPICE_API sleep_wait {
  using signature = void(boost::system::error_code);

  scheduler* scheduler_;
  duration time;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept { return timer.has_expired(); }
  void leave() noexcept;
  template <class Handler>
  static void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

struct yield_wait {
  // A task needs no more for it than a place in the run queue.
  static constexpr bool is_turn = true;

  [[nodiscard]] static scheduler& home() { return here(); }
  static void begin(waiter& w) noexcept { w.wake(); }
  static bool ready() noexcept { return true; }
  static void leave() noexcept {}
  template <class Handler>
  static void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{});
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

struct COPPICE_API await_exit_wait {
  using signature = void(boost::system::error_code, exit_reason);

  scheduler* scheduler_;
  pid target;
  exit_notice news{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept { return news.reason.has_value(); }
  void leave() noexcept { news.unlink(); }
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(*news.reason));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             exit_reason{});
  }
};

}  // namespace coppice::detail
