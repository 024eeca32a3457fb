#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/mailbox.hpp>

#include <memory>
#include <utility>

namespace coppice::detail {

// A message that is sent at a later time. The mailbox owns it until then; send_timer has a weak
// pointer to it.
class COPPICE_API delayed_send : public timer_node {
 public:
  explicit delayed_send(scheduler& s) noexcept : timer_node{&delayed_send::due}, home{&s} {}
  virtual ~delayed_send();
  virtual void send() = 0;
  static void due(timer_node& node);

  scheduler* home;
  std::weak_ptr<mailbox_core> core;
};

// Sets the timer, and makes the mailbox the owner.
COPPICE_API void start_delayed(const std::shared_ptr<delayed_send>& s,
                               const std::shared_ptr<mailbox_core>& box, time_point when);

template <class T>
class typed_delayed_send final : public delayed_send {
 public:
  typed_delayed_send(scheduler& s, address<T> to, T message)
      : delayed_send{s}, to_{std::move(to)}, message_{std::move(message)} {}
  void send() override { to_.send(std::move(message_)); }

 private:
  address<T> to_;
  T message_;
};

}  // namespace coppice::detail
