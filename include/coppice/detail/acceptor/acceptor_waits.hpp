#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/overload/intake.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <utility>

namespace coppice::detail {

// The wait until an acceptor is drained. The acceptor is looked up when the wait begins.
struct COPPICE_API acceptor_drained_wait {
  using signature = void(boost::system::error_code);

  process_ref acceptor;
  time_limit limit;
  drained_wait wait{nullptr, drained_wait::place{nullptr}, infinity};
  boost::system::error_code refused{};

  [[nodiscard]] scheduler& home() const;
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept { return refused || wait.poll(); }
  void disarm() noexcept { wait.disarm(); }
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(refused ? refused : wait.outcome());
  }
};

}  // namespace coppice::detail
