#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_wait.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/time_limit.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// Calls from a process of another io_context, or with a handler that no process runs. The call
// itself is made on the server's loop, without a time limit. The limit and the cancellation belong
// to the caller, and run where the caller waits: so a server's loop that is not run keeps nobody
// waiting beyond the limit. A loop that is destroyed destroys the calls it has, and they fail by
// that.
//
// Slots, waits and calls are counted without atomics. So the call object moves to the server's loop
// and stays there; what comes back is an `answer`, by value.

namespace coppice::detail {

// The result of a call on its way between two threads. Its initial value is that of a call whose
// server has disappeared with its io_context.
template <class R>
struct answer {
  boost::system::error_code error = errc::died;
  std::optional<reply_value<R>> value{};
  exit_reason reason = exit_reason::noproc();
};

// To whom the answer goes.
template <class R>
class answer_receiver {
 public:
  answer_receiver() = default;
  answer_receiver(const answer_receiver&) = delete;
  answer_receiver& operator=(const answer_receiver&) = delete;
  virtual ~answer_receiver() = default;
  // Called once, on any thread.
  virtual void receive(answer<R> a) noexcept = 0;
};

// The completion handler of the call on the server's loop. If it is destroyed without having been
// called, the io_context of the server has been destroyed; it then sends the answer that says so.
template <class R>
class answer_sender {
 public:
  answer_sender(std::shared_ptr<caller_elsewhere> caller,
                std::shared_ptr<answer_receiver<R>> to) noexcept
      : caller_{std::move(caller)}, to_{std::move(to)} {}
  answer_sender(answer_sender&&) noexcept = default;
  answer_sender& operator=(answer_sender&&) = delete;
  ~answer_sender() {
    if (to_) to_->receive({});
  }
  // The call could not be made, for the exception that is being handled.
  void fail() noexcept {
    if (!to_) return;  // it has been told
    std::exchange(to_, nullptr)
        ->receive({.error = asio::error::no_memory,
                   .reason = exit_reason::error(std::current_exception())});
  }

  template <class... Value>
  void operator()(boost::system::error_code error, Value... value) {
    answer<R> a{.error = error, .reason = caller_->failure};
    if (!error) a.value.emplace(std::move(value)...);
    std::exchange(to_, nullptr)->receive(std::move(a));
  }

 private:
  std::shared_ptr<caller_elsewhere> caller_;
  std::shared_ptr<answer_receiver<R>> to_;
};

// A call on its way to the loop of the server.
template <class R>
class posted_call final : public posted_work {
 public:
  explicit posted_call(call_ptr<R> call) noexcept : call_{std::move(call)} {}

  // From here on the answer goes there, be it that the io_context of the server is gone.
  void answer_to(answer_sender<R> to) noexcept { back_.emplace(std::move(to)); }

 private:
  void run() override {
    call_->terms.elsewhere->arrive(call_->home);
    try {
      wait_with(call_wait<R>{std::move(call_)}, std::move(*back_));
    } catch (...) {
      back_->fail();
    }
  }

  call_ptr<R> call_;
  std::optional<answer_sender<R>> back_;
};

// Moves the call to the loop of the server, and makes it there. `caller` is what that loop is to
// know of the caller, besides the limit. If this throws, the call has not been made, and nobody is
// told an answer.
template <class R>
void post_call(call_ptr<R> call, std::shared_ptr<caller_elsewhere> caller,
               std::shared_ptr<answer_receiver<R>> to) {
  const std::uint64_t there = access::serial(call->terms.target);
  caller->limit = std::exchange(call->terms.limit, infinity);
  call->terms.elsewhere = caller;
  const auto posted = std::make_shared<posted_call<R>>(std::move(call));
  posted->answer_to({std::move(caller), std::move(to)});
  scheduler::post_work(there, posted);
}

// Does what kill_if_not_started does, on the loop of the server.
COPPICE_API void kill_if_not_started_there(const process_ref& server);

// Receives the answer to a process: on the server's thread it posts the answer to the loop of the
// caller. The members are touched on the caller's thread only. It is shared, as the wait may be
// over when the answer comes.
template <class R>
class answer_box final : public answer_receiver<R>,
                         public posted_work,
                         public std::enable_shared_from_this<answer_box<R>> {
 public:
  explicit answer_box(const scheduler& s) noexcept : home_{s.serial()} {}

  void receive(answer<R> a) noexcept override {
    take(std::move(a), arriving_);
    scheduler::post_work(home_, this->shared_from_this());
  }

  waiter* waiting = nullptr;
  std::optional<answer<R>> received;
  std::optional<process_ref> to_kill;  // the server, if it is killed when it does not start in time

 private:
  void run() override {
    if (!received && arriving_) take(std::move(*arriving_), received);
    if (waiting != nullptr) waiting->wake();
  }

  // Without assignment, which replies need not have.
  static void take(answer<R>&& a, std::optional<answer<R>>& into) noexcept {
    try {
      into.emplace(std::move(a));
    } catch (...) {
      // The answer cannot be moved.
      into.emplace(answer<R>{.reason = exit_reason::error(std::current_exception())});
    }
  }

  std::uint64_t home_;
  std::optional<answer<R>> arriving_;  // on its way from the server's thread
};

// The wait of a process for a server of another io_context. Its timer is one of its own scheduler.
template <class R>
struct remote_call_wait {
  using signature = completion_signature<R>;
  static constexpr wait_kind kind = wait_kind::answer;

  remote_call_wait(scheduler& s, call_ptr<R> c, std::shared_ptr<caller_elsewhere> m)
      : here{&s},
        call{std::move(c)},
        mine{std::move(m)},
        theirs{std::make_shared<caller_elsewhere>()},
        box{std::make_shared<answer_box<R>>(s)} {
    if (call->terms.or_kill) box->to_kill = call->terms.target;
  }

  scheduler* here;
  call_ptr<R> call;  // null once it is sent
  std::shared_ptr<caller_elsewhere> mine;
  std::shared_ptr<caller_elsewhere> theirs;  // the same on the side of the server
  std::shared_ptr<answer_box<R>> box;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *here; }

  void arm(waiter& w) {
    box->waiting = &w;
    timer.arm(w, call->terms.limit);
    if (!here->is_moved_by_hand() && !call->terms.limit.is_infinity()) theirs->since = here->now();
    post_call<R>(std::move(call), theirs, box);
  }
  [[nodiscard]] bool poll() const noexcept { return box->received || timer.has_expired(); }
  void disarm() noexcept {
    if (!box) return;
    box->waiting = nullptr;
    timer.disarm();
    theirs->waits = false;
  }
  template <class Handler>
  void complete(Handler&& h) {
    if (!box->received) {
      box->received.emplace(answer<R>{.error = errc::timeout, .reason = {}});
      if (box->to_kill) kill_if_not_started_there(*box->to_kill);
    }
    mine->failure = box->received->reason;
    complete_call<R>(box->received->value, box->received->error, std::forward<Handler>(h));
  }
};

// The part of a call from outside of processes that does not depend on the type of its handler: the
// time limit and the cancellation. Answer, limit and cancellation may come on different threads;
// the call completes with the first of them.
class COPPICE_API foreign_wait : public std::enable_shared_from_this<foreign_wait> {
 public:
  explicit foreign_wait(asio::any_io_executor of_handler);
  foreign_wait(const foreign_wait&) = delete;
  foreign_wait& operator=(const foreign_wait&) = delete;
  virtual ~foreign_wait();

 protected:
  // The cancellation handler in the slot of the caller.
  struct COPPICE_API canceller {
    void operator()(asio::cancellation_type) const;
    std::weak_ptr<foreign_wait> waiting;
  };

  void start_timer(const call_terms& terms);
  // Claims the right to complete the call; returns false if somebody else has it.
  [[nodiscard]] bool claim() noexcept { return !complete_.exchange(true); }
  // Calls `finish` through the handler's executor, after the timer and the work guard are released.
  // That allocates, and must come about: without memory the calling thread waits for some.
  void end();
  // It has not begun.
  void give_up_start() noexcept;

 private:
  // Completes the call with that error; returns false if it is complete already.
  virtual bool give_up(boost::system::error_code why) = 0;
  virtual void finish() = 0;

  std::atomic<bool> complete_ = false;
  bool finishing_ = false;
  asio::executor_work_guard<asio::any_io_executor> work_;
  asio::basic_waitable_timer<clock> timer_;
};

template <class R, class Handler>
class foreign_call final : public foreign_wait, public answer_receiver<R> {
 public:
  foreign_call(Handler handler, std::shared_ptr<caller_elsewhere> mine)
      : foreign_wait{handler_executor_of(handler)},
        mine_{std::move(mine)},
        handler_{std::move(handler)} {}

  void start(call_ptr<R> call) {
    try {
      if (!call->terms.limit.is_infinity()) start_timer(call->terms);
      if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
        slot.assign(canceller{weak_from_this()});
      }
      if (!call->terms.limit.is_infinity()) theirs_->since = clock::now();
      post_call<R>(std::move(call), theirs_, self());
    } catch (...) {
      give_up_start();
      throw;
    }
  }

  void receive(answer<R> a) noexcept override {
    try {
      complete(std::move(a));
    } catch (...) {
      // The handler has thrown, and this is not its thread, or not its turn.
    }
  }

 private:
  [[nodiscard]] std::shared_ptr<foreign_call> self() {
    return std::static_pointer_cast<foreign_call>(shared_from_this());
  }
  bool give_up(boost::system::error_code why) override {
    return complete({.error = why, .reason = {}});
  }
  bool complete(answer<R> a) {
    if (!claim()) return false;
    theirs_->waits = false;
    try {
      answer_.emplace(std::move(a));
    } catch (...) {
      answer_.emplace(answer<R>{.reason = exit_reason::error(std::current_exception())});
    }
    end();
    return true;
  }
  void finish() override {
    asio::get_associated_cancellation_slot(handler_).clear();
    mine_->failure = answer_->reason;
    answer<R> a{std::move(*answer_)};
    Handler handler{std::move(handler_)};
    complete_call<R>(a.value, a.error, std::move(handler));
  }

  std::shared_ptr<caller_elsewhere> mine_;
  // The same on the side of the server.
  const std::shared_ptr<caller_elsewhere> theirs_ = std::make_shared<caller_elsewhere>();
  std::optional<answer<R>> answer_;
  Handler handler_;
};

}  // namespace coppice::detail
