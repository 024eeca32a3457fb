#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace coppice::detail {

template <class T>
struct receive_wait {
  std::shared_ptr<mailbox_state<T>> box;
  scheduler* scheduler_;

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  void begin(waiter& w) {
    box->receiver = &w;
    if (w.owner != nullptr && box->user != pid{w.owner, w.number}) box->used_by(*w.owner, w.number);
    if (box->size > 0) w.wake();
  }
  [[nodiscard]] bool ready() const noexcept { return box->size > 0; }
  void leave() noexcept { box->receiver = nullptr; }
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, box->pop());
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted}, T{});
  }
};

template <class T>
struct timed_receive_wait : receive_wait<T> {
  duration limit;
  wake_timer timer{};

  void begin(waiter& w) {
    receive_wait<T>::begin(w);
    if (this->box->size == 0) timer.begin(w, limit);
  }
  [[nodiscard]] bool ready() const noexcept { return timer.has_expired() || receive_wait<T>::ready(); }
  void leave() noexcept {
    receive_wait<T>::leave();
    timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    std::optional<T> result;
    if (this->box->size > 0) result.emplace(this->box->pop());
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(result));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             std::optional<T>{});
  }
};

}  // namespace coppice::detail
