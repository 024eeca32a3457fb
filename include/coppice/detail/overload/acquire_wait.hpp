#pragma once

#include <coppice/detail/overload/semaphore_core.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/permit.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace coppice::detail {

// The waits of semaphore::acquire. The permit is held from the moment on that it is taken: it goes
// back if the one who has waited goes before it gets it.

struct acquire_wait {
  using signature = void(boost::system::error_code, permit);
  static constexpr wait_kind kind = wait_kind::permit;

  std::shared_ptr<semaphore_core> core;
  scheduler* scheduler_;
  semaphore_place place{};
  permit taken{};

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  [[nodiscard]] bool ready(process&) {
    if (core->take()) taken = access::make<permit>(core);
    return static_cast<bool>(taken);
  }
  void arm(waiter& w) {
    if (taken) {
      w.wake();
    } else {
      core->enter(place, w);
    }
  }
  [[nodiscard]] bool poll() {
    if (!taken && core->take(place)) taken = access::make<permit>(core);
    return static_cast<bool>(taken);
  }
  void disarm() noexcept { core->leave(place); }
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(taken));
  }
};

// A permit that is free when the one who waits runs is taken, even if the time is over by then.
struct timed_acquire_wait : acquire_wait {
  using signature = void(boost::system::error_code, std::optional<permit>);

  time_limit limit;
  wake_timer timer{};

  void arm(waiter& w) {
    acquire_wait::arm(w);
    if (!taken) timer.arm(w, limit);
  }
  [[nodiscard]] bool poll() { return acquire_wait::poll() || timer.has_expired(); }
  void disarm() noexcept {
    acquire_wait::disarm();
    timer.disarm();
  }
  template <class Handler>
  void complete(Handler&& h) {
    std::optional<permit> result;
    if (taken) result.emplace(std::move(taken));
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(result));
  }
};

}  // namespace coppice::detail
