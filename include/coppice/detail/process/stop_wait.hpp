#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/process/exit_notice.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <utility>

namespace coppice::detail {

// Throws std::invalid_argument if that is no time for a whole stop.
COPPICE_API void check_whole_stop(time_limit whole);

// Stops a process in order, and waits until nothing of it is left. When the time is over, the wait
// ends and the process goes on ending. A supervisor may be given a time for the whole stop, too.
struct COPPICE_API stop_wait {
  using signature = void(boost::system::error_code);
  static constexpr wait_kind kind = wait_kind::process;

  process_ref process;
  exit_reason reason;
  time_limit limit;
  time_limit whole = infinity;
  exit_notice news{};
  wake_timer timer{};
  boost::system::error_code refused{};
  scheduler* at = nullptr;  // where to wait; null: the loop of the process, or of the caller

  [[nodiscard]] scheduler& home() const;
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept {
    return refused || news.reason.has_value() || timer.has_expired();
  }
  void disarm() noexcept;
  [[nodiscard]] boost::system::error_code outcome() const noexcept;
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(outcome());
  }
};

}  // namespace coppice::detail
