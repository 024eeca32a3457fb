#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/call/call_slot.hpp>
#include <coppice/detail/call/call_wait.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// Calls from elsewhere: from a process of another io_context, or for a handler with an executor. The
// call is made on the server's loop, without a limit; the limit and the cancellation are those of the
// caller, and run where the caller waits. So a loop that is not run keeps nobody waiting for longer
// than the limit says, and one that is destroyed fails the calls that have come to it.

namespace coppice::detail {

// An answer on its way: what the handler of a call completes with, and how the server ended.
template <class R>
struct answer {
  boost::system::error_code error = errc::died;
  std::optional<reply_value<R>> value{};
  exit_reason reason = exit_reason::noproc();
};

// To whom the answer goes.
template <class R>
class recipient {
 public:
  recipient() = default;
  recipient(const recipient&) = delete;
  recipient& operator=(const recipient&) = delete;
  virtual ~recipient() = default;
  // Once, on any thread.
  virtual void receive(answer<R> a) = 0;
};

// Lies beside a call in the queue of its server. Destroyed without having been called, because the
// io_context of the server is gone, it tells that.
template <class R>
class courier {
 public:
  courier(std::shared_ptr<exit_reason> failure, std::shared_ptr<recipient<R>> to) noexcept
      : failure_{std::move(failure)}, to_{std::move(to)} {}
  courier(courier&&) noexcept = default;
  courier& operator=(courier&&) = delete;
  ~courier() {
    if (to_) to_->receive({});
  }

  template <class... Value>
  void operator()(boost::system::error_code error, Value... value) {
    answer<R> a{.error = error, .reason = *failure_};
    if (!error) a.value.emplace(std::move(value)...);
    std::exchange(to_, nullptr)->receive(std::move(a));
  }

 private:
  std::shared_ptr<exit_reason> failure_;  // written where the server is
  std::shared_ptr<recipient<R>> to_;
};

// Makes the call on the loop of the server.
template <class R>
void send_over(call_ptr<R> call, std::shared_ptr<recipient<R>> to) {
  call->terms.sent = true;
  call->terms.limit.reset();
  call->terms.failure = std::make_shared<exit_reason>();
  courier<R> back{call->terms.failure, std::move(to)};
  const std::uint64_t there = call->terms.target.serial();
  scheduler::post(there, [call = std::move(call), back = std::move(back)]() mutable {
    scheduler& home = call->home;
    auto* w = new wait_operation<call_wait<R>, courier<R>>{home, call_wait<R>{std::move(call)},
                                                           std::move(back)};
    w->start();
  });
}

// Kills a server that does not come up, wherever it is.
COPPICE_API void kill_unless_up_there(const process_ref& server);

// Where the answer to a process arrives; touched on the thread of that only.
template <class R>
class letter_box final : public recipient<R>, public std::enable_shared_from_this<letter_box<R>> {
 public:
  explicit letter_box(const scheduler& s) noexcept : home_{s.serial()} {}

  void receive(answer<R> a) override {
    scheduler::post(home_, [self = this->shared_from_this(), a = std::move(a)]() mutable {
      self->letter.emplace(std::move(a));
      if (self->reader != nullptr) self->reader->wake();
    });
  }

  waiter* reader = nullptr;
  std::optional<answer<R>> letter;
  std::optional<process_ref> to_kill;  // if it does not come up in time

 private:
  std::uint64_t home_;
};

// The wait of a process for a server of another io_context.
template <class R>
struct remote_call_wait {
  using signature = completion_signature<R>;

  remote_call_wait(scheduler& s, call_ptr<R> c, std::shared_ptr<exit_reason> f)
      : here{&s}, call{std::move(c)}, failure{std::move(f)}, box{std::make_shared<letter_box<R>>(s)} {
    if (call->terms.or_kill) box->to_kill = call->terms.target;
  }

  scheduler* here;
  call_ptr<R> call;  // until it is sent
  std::shared_ptr<exit_reason> failure;
  std::shared_ptr<letter_box<R>> box;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *here; }

  void arm(waiter& w) {
    box->reader = &w;
    if (call->terms.limit) timer.arm(w, *call->terms.limit);
    send_over<R>(std::move(call), box);
  }
  [[nodiscard]] bool poll() const noexcept { return box->letter || timer.has_expired(); }
  void disarm() noexcept {
    if (!box) return;
    box->reader = nullptr;
    timer.disarm();
  }
  template <class Handler>
  void complete(Handler&& h) {
    if (!box->letter) {
      box->letter.emplace(answer<R>{.error = errc::timeout, .reason = {}});
      if (box->to_kill) kill_unless_up_there(*box->to_kill);
    }
    *failure = box->letter->reason;
    complete_call<R>(box->letter->value, box->letter->error, std::forward<Handler>(h));
  }
};

// A call for a handler that is no process's, as far as it does not depend on the handler: it has a
// limit, and can be cancelled. Answer, limit and cancellation may come on different threads; it
// completes with the first one.
class COPPICE_API foreign_wait : public std::enable_shared_from_this<foreign_wait> {
 public:
  explicit foreign_wait(asio::any_io_executor of_handler);
  foreign_wait(const foreign_wait&) = delete;
  foreign_wait& operator=(const foreign_wait&) = delete;
  virtual ~foreign_wait();

 protected:
  // Lies in the cancellation slot of the handler.
  struct COPPICE_API canceller {
    void operator()(asio::cancellation_type) const;
    std::weak_ptr<foreign_wait> waiting;
  };

  void start_timer(const call_terms& terms);
  // False if it is complete already. To be asked before it is completed.
  [[nodiscard]] bool claim() noexcept { return !complete_.exchange(true); }
  // Has `last` run by the handler's executor, when all else has been given up.
  void end(move_only_function last);

 private:
  // Completes it with that error; false if it is complete already.
  virtual bool give_up(boost::system::error_code why) = 0;

  std::atomic<bool> complete_ = false;
  asio::executor_work_guard<asio::any_io_executor> work_;
  asio::basic_waitable_timer<clock> timer_;
};

template <class R, class Handler>
class foreign_call final : public foreign_wait, public recipient<R> {
 public:
  foreign_call(Handler handler, std::shared_ptr<exit_reason> failure)
      : foreign_wait{asio::get_associated_executor(handler)},
        failure_{std::move(failure)},
        handler_{std::move(handler)} {}

  void start(call_ptr<R> call) {
    if (call->terms.limit) start_timer(call->terms);
    if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
      slot.assign(canceller{weak_from_this()});
    }
    send_over<R>(std::move(call), self());
  }

  void receive(answer<R> a) override { complete(std::move(a)); }

 private:
  [[nodiscard]] std::shared_ptr<foreign_call> self() {
    return std::static_pointer_cast<foreign_call>(shared_from_this());
  }
  bool give_up(boost::system::error_code why) override {
    return complete({.error = why, .reason = {}});
  }
  bool complete(answer<R> a) {
    if (!claim()) return false;
    end([self = self(), a = std::move(a)]() mutable {
      asio::get_associated_cancellation_slot(self->handler_).clear();
      *self->failure_ = a.reason;
      Handler handler{std::move(self->handler_)};
      self.reset();
      complete_call<R>(a.value, a.error, std::move(handler));
    });
    return true;
  }

  std::shared_ptr<exit_reason> failure_;
  Handler handler_;
};

}  // namespace coppice::detail
