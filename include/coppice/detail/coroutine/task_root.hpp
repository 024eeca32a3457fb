#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

#include <utility>

namespace coppice::detail {

class yield_awaiter;

// The owner of a chain of tasks that is not the body of a process: a coroutine of another type,
// within a process, awaits it. A chain that is a body hears of stop requests from its process; this
// one is cancelled through the cancellation slot of the coroutine that awaits it.
class COPPICE_API task_root {
 public:
  // `fails_next_wait`, if not null, is set when the slot's cancellations have missed too often.
  task_root(asio::cancellation_slot s, bool holds_body, bool* fails_next_wait) noexcept
      : slot_{s}, holds_body_{holds_body}, fails_next_wait_{fails_next_wait} {}
  task_root(const task_root&) = delete;
  task_root& operator=(const task_root&) = delete;

  // Called when the outermost task has ended.
  virtual void over() noexcept = 0;
  // Called when the chain has been destroyed instead: the coroutine that awaits it goes as well.
  virtual void drop() noexcept = 0;

  // The operations of the chain are cancelled through this slot, one after another.
  [[nodiscard]] asio::cancellation_slot slot() const noexcept { return slot_; }
  // Tells whether its slot's cancellations have missed too often, since this was asked last.
  [[nodiscard]] bool fails_this_wait() noexcept {
    return fails_next_wait_ != nullptr && std::exchange(*fails_next_wait_, false);
  }
  // The chain waits in one of coppice's own operations, which have no slot of their own.
  void listen(waiter& w);
  void has_waited() noexcept { waiting_ = nullptr; }
  // The coroutine that awaits the chain is the body of its process, or one that the body awaits,
  // and nothing runs beside it. False if that is not known.
  [[nodiscard]] bool holds_body() const noexcept { return holds_body_; }
  // The chain waits for its turn, in yield().
  void listen(yield_awaiter& t);
  void has_yielded() noexcept { turn_ = nullptr; }

 protected:
  ~task_root();

 private:
  // The cancellation handler in the slot. Either of the two may be destroyed first, so each tells
  // the other.
  class relay {
   public:
    explicit relay(task_root& r) noexcept : to_{&r} { r.relay_ = this; }
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay() {
      if (to_ != nullptr) to_->relay_ = nullptr;
    }
    void operator()(asio::cancellation_type type) const noexcept;
    void forget() noexcept { to_ = nullptr; }

   private:
    task_root* to_;
  };

  void put_relay();

  asio::cancellation_slot slot_;
  const bool holds_body_;
  bool* fails_next_wait_;
  waiter* waiting_ = nullptr;
  yield_awaiter* turn_ = nullptr;
  relay* relay_ = nullptr;
};

}  // namespace coppice::detail
