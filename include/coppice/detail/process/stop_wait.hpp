#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/process/exit_notice.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/operation.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <optional>
#include <utility>

namespace coppice::detail {

// Stops a process in order, and waits until it is gone.
struct COPPICE_API stop_wait {
  process_ref process;
  exit_reason reason;
  std::optional<duration> limit;
  exit_notice news{};
  wake_timer timer{};
  boost::system::error_code refused{};
  scheduler* at = nullptr;  // unless that of the process, or the one at work

  [[nodiscard]] scheduler& home() const;
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept {
    return refused || news.reason.has_value() || timer.has_expired();
  }
  void leave() noexcept;
  [[nodiscard]] boost::system::error_code outcome() const noexcept;
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(outcome());
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

using stop_operation = operation<void(boost::system::error_code), stop_wait>;

}  // namespace coppice::detail
