#pragma once

#include <coppice/detail/base/access.hpp>
#include <coppice/detail/mailbox/mailbox_core.hpp>
#include <coppice/detail/mailbox/queue_bound.hpp>
#include <coppice/detail/mailbox/receive_wait.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/current_process.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/mailbox_counts.hpp>
#include <coppice/mailbox_options.hpp>
#include <coppice/operation.hpp>
#include <coppice/time_limit.hpp>

#include <boost/system/error_code.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coppice {

template <class T>
class mailbox;

/// Where to send messages to one mailbox. Cheap to copy; does not keep the mailbox open.
///
/// @par Thread safety
/// Safe, also while the io_context goes: what is sent from outside of the loop is posted to it.
template <class T>
class address {
 public:
  /// Leads nowhere: as the address of a closed mailbox.
  address() noexcept = default;

  /// Sends a message. Never waits. To a mailbox that is gone it is a silent no-op, told by the
  /// result. From another thread, or while the loop does not run, the message is posted (but not in
  /// the time of a `virtual_clock`), and the result is `delivered`, or `closed` if that is known.
  ///
  /// @throws Whatever moving the message throws; it is not sent then. A posted message that cannot
  ///   be moved into the mailbox ends the process that uses the mailbox.
  /// @par Complexity
  /// Constant; one pooled node.
  /// @par Origin
  /// `Pid ! Message`. Messages of one sender arrive in the order of sending.
  send_result send(T message) const { return send_tagged(std::move(message), 0); }

  /// Whether nobody can receive any more.
  [[nodiscard]] bool closed() const noexcept {
    return !box_ || box_->closed.load(std::memory_order_relaxed);
  }

  friend bool operator==(const address&, const address&) noexcept = default;

 private:
  friend class mailbox<T>;
  friend struct detail::access;

  explicit address(std::shared_ptr<detail::mailbox_state<T>> box) noexcept : box_{std::move(box)} {}

  send_result send_tagged(T message, std::uint64_t tag) const {
    if (!box_) return send_result::closed;
    std::uint64_t loop = box_->home.load(std::memory_order_acquire);
    if (loop == 0) {
      const auto lock = box_->hold_homeless();
      loop = box_->home.load(std::memory_order_acquire);
      if (loop == 0) return box_->send(std::move(message), tag);
    }
    if (!detail::scheduler::is_callers(loop)) return post(loop, std::move(message));
    return box_->send(std::move(message), tag);
  }
  [[nodiscard]] std::shared_ptr<detail::mailbox_core> core() const noexcept { return box_; }

  send_result post(std::uint64_t loop, T message) const {
    const bool posted =
        detail::scheduler::post(loop, [box = box_, m = std::move(message)]() mutable {
          try {
            box->send(std::move(m), 0);
          } catch (...) {
            box->fail_user();
          }
        });
    return posted ? send_result::delivered : send_result::closed;
  }

  std::shared_ptr<detail::mailbox_state<T>> box_;
};

/// A queue of messages for the process that holds it.
///
/// A process makes one and gives its address away, or gets one as an argument. Closes when it is
/// destroyed, which is what happens when its process ends; waiting messages are destroyed with it,
/// and a receive that is under way completes with `operation_aborted`.
///
/// @tparam T Movable; for `receive()` default constructible too.
/// @par Thread safety
/// Only on the loop's thread.
/// @par Exceptions
/// A message that throws when coppice moves it, or makes it of a `down` or an `exit_signal`, ends
/// the process that uses the mailbox. A destructor that throws ends the program.
template <class T>
class mailbox {
 public:
  /// The type of its messages.
  using value_type = T;

  /// One of the calling process, without limit or bounded as the options say.
  mailbox() : mailbox{mailbox_options{}} {}

  /// @throws std::invalid_argument if `options.limit` is 0.
  explicit mailbox(mailbox_options options) : box_{std::make_shared<detail::mailbox_state<T>>()} {
    if (options.limit == 0)
      throw std::invalid_argument{"coppice: mailbox limit must be at least 1"};
    box_->bound = detail::queue_bound{options};
  }
  mailbox(mailbox&&) noexcept = default;
  mailbox& operator=(mailbox&& other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~mailbox() {
    if (box_) box_->close();
  }

  /// Whereto messages for it are sent; may be copied and handed on.
  [[nodiscard]] address<T> get_address() const noexcept { return address<T>{box_}; }

  /// How many messages wait.
  [[nodiscard]] std::size_t size() const noexcept { return box_->size; }

  /// What its limit has cost so far: how many messages were dropped or refused, and how many have
  /// waited at the most. Counted only where there is a limit.
  [[nodiscard]] mailbox_counts counts() const noexcept { return box_->bound.counts(); }

  /// `T message = co_await box.receive();` takes the oldest message, waiting for one if need be.
  ///
  /// If there is one, a process does not suspend for it; but after 32 in a row others have a turn.
  ///
  /// One receive at a time.
  ///
  /// @throws std::logic_error outside of processes, or if a receive is under way.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and no message is lost.
  /// @par Completion Signature
  /// `void(error_code, T)`
  [[nodiscard]] operation<void(boost::system::error_code, T)> auto receive() {
    static_assert(std::default_initializable<T>,
                  "mailbox<T>::receive() needs a T that can be made without arguments (an aborted "
                  "receive has no message to give); receive(time limit) does not");
    return detail::deferred_wait<detail::receive_wait<T>>{{box_, &check()}};
  }

  /// `std::optional<T> message = co_await box.receive(100ms);` waits so long at the most.
  ///
  /// A message that is there when the time runs out wins. With zero or less only what is there
  /// already, or what processes that are ready now send, is taken.
  ///
  /// @throws std::logic_error outside of processes, or if a receive is under way.
  /// @par Cancellation
  /// Any type: completes with `operation_aborted`, and no message is lost.
  /// @par Completion Signature
  /// `void(error_code, std::optional<T>)`
  [[nodiscard]] operation<void(boost::system::error_code, std::optional<T>)> auto receive(
      time_limit limit) {
    return detail::deferred_wait<detail::timed_receive_wait<T>>{{{box_, &check()}, limit}};
  }

  /// Takes the oldest message if there is one.
  [[nodiscard]] std::optional<T> try_receive() {
    if (box_->size == 0) return std::nullopt;
    return box_->pop();
  }

 private:
  detail::scheduler& check() const {
    if (box_->receiver != nullptr) {
      throw std::logic_error{"coppice: a receive of this mailbox is under way"};
    }
    return detail::here();
  }

  std::shared_ptr<detail::mailbox_state<T>> box_;
};

}  // namespace coppice
