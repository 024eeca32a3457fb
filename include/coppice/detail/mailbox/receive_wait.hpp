#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coppice::detail {

// The waits of receive(). A message is taken out of the mailbox in `deliver`, when the receiver is
// sure to get it: nothing is lost if the process is stopped or killed after a message has woken it.

template <class T>
struct receive_wait {
  using signature = void(boost::system::error_code, T);
  static constexpr wait_kind kind = wait_kind::message;

  std::shared_ptr<mailbox_state<T>> box;
  scheduler* scheduler_;

  [[nodiscard]] scheduler& home() const noexcept { return *scheduler_; }
  [[nodiscard]] bool ready(process& p) {
    if (box->size == 0) return false;
    note_user(p, p.number.load(std::memory_order_relaxed));
    return true;
  }
  void arm(waiter& w) {
    box->receiver = &w;
    if (w.owner != nullptr) note_user(*w.owner, w.number);
    if (box->size > 0) w.wake();
  }
  [[nodiscard]] bool poll() const noexcept { return box->size > 0; }
  void disarm() noexcept { box->receiver = nullptr; }
  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{}, box->pop());
  }

 private:
  // A mailbox may be handed from process to process; the one that receives is its user.
  void note_user(process& p, std::uint64_t number) {
    if (box->user != access::make<pid>(&p, number)) box->used_by(p, number);
  }
};

// A message that is there when the receiver runs is taken, even if the time is over by then.
template <class T>
struct timed_receive_wait : receive_wait<T> {
  using signature = void(boost::system::error_code, std::optional<T>);

  time_limit limit;
  wake_timer timer{};

  void arm(waiter& w) {
    receive_wait<T>::arm(w);
    if (this->box->size == 0) timer.arm(w, limit);
  }
  [[nodiscard]] bool poll() const noexcept {
    return timer.has_expired() || receive_wait<T>::poll();
  }
  void disarm() noexcept {
    receive_wait<T>::disarm();
    timer.disarm();
  }
  template <class Handler>
  void complete(Handler&& h) {
    std::optional<T> result;
    if (this->box->size > 0) result.emplace(this->box->pop());
    std::forward<Handler>(h)(boost::system::error_code{}, std::move(result));
  }
};

}  // namespace coppice::detail
