#pragma once

#include <coppice/config.hpp>
#include <coppice/deadline.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wake_timer.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>

namespace coppice::detail {

// Gives the process that awaits something with a deadline: the one behind the handler, or else the
// calling one. Throws std::logic_error if it is none of this thread's.
COPPICE_API process& timed_process(process* behind_handler);

// What is known of a coroutine that is awaited with a deadline, in the frame of the one that awaits
// it.
struct timed_coroutine {
  bool timed_out = false;
  bool fails_next_wait = false;
  asio::cancellation_type cancelled = asio::cancellation_type::none;  // the latest one
};

// What is awaited with a deadline: the timer, and the signal through which it is cancelled. Both
// the end of the time and a cancellation from outside go to that signal; the latter names the
// reason, if it comes.
//
// When its time is over, it goes through the run queue twice before it is cancelled: whatever was
// ready by then has had its turn, and a result that was there is taken. One operation has completed
// if its cancellation does not find it. A coroutine would go on with its next wait then: so it is
// asked to stop as a process is.
//
// A coroutine that always has a completion on its way is missed by every cancellation. If that is
// known of one, the next wait of the coroutine fails.
//
// It may be in the run queue, or emit its signal, when what it stands for ends. So it is told to
// `end`, and disposes of itself when nothing refers to it any more.
class COPPICE_API timed_part : public process_part {
 protected:
  // Keeps the part from being disposed of.
  class use {
   public:
    explicit use(timed_part& p) noexcept : of_{p} { ++of_.uses_; }
    use(const use&) = delete;
    use& operator=(const use&) = delete;
    ~use() {
      --of_.uses_;
      of_.dispose_if_over();
    }

   private:
    timed_part& of_;
  };

  // `coroutine` is null for an operation.
  timed_part(process& p, timed_coroutine* coroutine) noexcept
      : process_part{p.home, &act_on}, coroutine_{coroutine} {
    attach(&p);
  }
  ~timed_part() { leave(); }

  // `from_outside` is the slot of the one who awaits.
  template <class Slot>
  void begin(Slot from_outside, const deadline& when) {
    if (from_outside.is_connected()) from_outside.template emplace<relay>(*this);
    timer_.arm(*this, when.from(home().now()));
  }
  [[nodiscard]] asio::cancellation_slot slot() noexcept { return signal_.slot(); }
  // See task_root.
  [[nodiscard]] bool* fails_next_wait() noexcept {
    return coroutine_ != nullptr ? &coroutine_->fails_next_wait : nullptr;
  }
  [[nodiscard]] bool has_timed_out() const noexcept { return stopped_by_ == cause::time; }
  [[nodiscard]] bool was_cancelled_by_caller() const noexcept {
    return stopped_by_ == cause::caller;
  }
  // The process has heard of its request to stop by what this gives, if it still was to hear of it.
  void caller_has_heard() noexcept;
  [[nodiscard]] bool is_over() const noexcept { return over_; }

  // Nothing cancels it any more.
  void leave() noexcept;
  // It has left, and takes no other part in anything.
  void end() noexcept {
    over_ = true;
    dispose_if_over();
  }

 private:
  enum class cause : unsigned char { none, time, caller };

  // The cancellation handler in the slot of the one who awaits. Either of the two may be destroyed
  // first, so each tells the other.
  class relay {
   public:
    explicit relay(timed_part& p) noexcept : to_{&p} { p.relay_ = this; }
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay() {
      if (to_ != nullptr) to_->relay_ = nullptr;
    }
    void operator()(asio::cancellation_type type) const {
      if (to_ != nullptr) to_->cancelled_from_outside(type);
    }
    void forget() noexcept { to_ = nullptr; }

   private:
    timed_part* to_;
  };

  virtual void dispose() noexcept = 0;
  void dispose_if_over() noexcept {
    if (over_ && uses_ == 0 && !is_woken()) dispose();
  }
  static void act_on(run_item* item, how h);
  void time_is_over();
  void cancelled_from_outside(asio::cancellation_type type);
  void cancel() final;
  void emit(asio::cancellation_type type);

  asio::cancellation_signal signal_;
  wake_timer timer_;
  relay* relay_ = nullptr;
  timed_coroutine* coroutine_;
  cause stopped_by_ = cause::none;
  bool was_over_ = false;  // its time was over when it came through the run queue before
  bool over_ = false;
  unsigned char uses_ = 0;
};

}  // namespace coppice::detail
