#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/waiter.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

namespace coppice::detail {

class turn_awaiter;

// Runs a chain of tasks that is not the body of a process: for a coroutine of another kind that waits
// for it within one.
class COPPICE_API task_root {
 public:
  explicit task_root(asio::cancellation_slot s) noexcept : slot_{s} {}
  task_root(const task_root&) = delete;
  task_root& operator=(const task_root&) = delete;

  // The outermost task has come to its end.
  virtual void over() noexcept = 0;
  // Destroys the whole chain, and whoever waits for it.
  virtual void drop() noexcept = 0;

  // The operations of the chain are cancelled through this slot, one after another.
  [[nodiscard]] asio::cancellation_slot slot() const noexcept { return slot_; }
  // The chain waits for one of coppice's own.
  void listen(waiter& w);
  void has_waited() noexcept { waiting_ = nullptr; }
  // ... or for a turn.
  void listen(turn_awaiter& t);
  void had_turn() noexcept { turn_ = nullptr; }

 protected:
  ~task_root();

 private:
  // Lies in the slot while the chain waits. Either may go first.
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
  waiter* waiting_ = nullptr;
  turn_awaiter* turn_ = nullptr;
  relay* relay_ = nullptr;
};

}  // namespace coppice::detail
