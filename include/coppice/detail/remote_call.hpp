#pragma once

#include <coppice/detail/call_wait.hpp>
#include <coppice/detail/envelope.hpp>
#include <coppice/detail/scheduler.hpp>
#include <coppice/detail/server_core.hpp>
#include <coppice/detail/waiter.hpp>
#include <coppice/error.hpp>
#include <coppice/exit_reason.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
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

// Lies beside a call in the queue of its server. Destroyed without having been called, because the
// io_context of the server is gone, it tells that.
template <class R, class Tell>
class courier {
 public:
  courier(std::shared_ptr<exit_reason> failure, Tell tell)
      : failure_{std::move(failure)}, tell_{std::move(tell)} {}
  courier(courier&& other) noexcept
      : failure_{std::move(other.failure_)}, tell_{std::move(other.tell_)} {
    other.tell_.reset();
  }
  courier& operator=(courier&&) = delete;
  ~courier() {
    if (tell_) tell({});
  }

  void operator()(boost::system::error_code error) {
    if constexpr (std::is_void_v<R>) {
      tell({.error = error, .value = reply_value<R>{}, .reason = *failure_});
    }
  }
  template <class Value>
  void operator()(boost::system::error_code error, Value value) {
    answer<R> a{.error = error, .reason = *failure_};
    if (!error) a.value.emplace(std::move(value));
    tell(std::move(a));
  }

 private:
  void tell(answer<R> a) {
    Tell t{std::move(*tell_)};
    tell_.reset();
    t(std::move(a));
  }

  std::shared_ptr<exit_reason> failure_;  // written where the server is
  std::optional<Tell> tell_;
};

// Makes the call on the loop of the server. `tell` is called with its answer, on any thread.
template <class S, class M, class Tell>
void send_over(call_ptr<S, M> call, Tell tell) {
  using courier_type = courier<typename M::reply, Tell>;
  call->terms.limit.reset();
  call->terms.failure = std::make_shared<exit_reason>();
  courier_type back{call->terms.failure, std::move(tell)};
  const std::uint64_t there = call->terms.target.serial();
  scheduler::post(there, [call = std::move(call), back = std::move(back)]() mutable {
    scheduler& home = call->home;
    auto* w = new wait_operation<call_wait<S, M>, courier_type>{
        home, call_wait<S, M>{std::move(call)}, std::move(back)};
    w->start();
  });
}

// Kills a server that does not come up, wherever it is.
inline void kill_unless_up(const process_ref& server) {
  scheduler::post(server.serial(), [server] { kill_unless_up(server.whereis()); });
}

template <class R, class Handler>
void complete_call(answer<R>&& a, Handler&& h) {
  if constexpr (std::is_void_v<R>) {
    std::forward<Handler>(h)(a.error);
  } else {
    std::forward<Handler>(h)(a.error, a.value ? std::move(*a.value) : R{});
  }
}

// The wait of a process for a server of another io_context.
template <class S, class M>
struct remote_call_wait {
  using reply = typename M::reply;

  // Where the answer arrives; on the caller's thread only.
  struct letter_box {
    waiter* reader = nullptr;
    std::optional<answer<reply>> letter;
    std::optional<process_ref> to_kill;  // if it does not come up in time
  };

  remote_call_wait(scheduler& s, call_ptr<S, M> c, std::shared_ptr<exit_reason> f)
      : here{&s}, call{std::move(c)}, failure{std::move(f)}, box{std::make_shared<letter_box>()} {
    if (call->terms.or_kill) box->to_kill = call->terms.target;
  }

  scheduler* here;
  call_ptr<S, M> call;  // until it is sent
  std::shared_ptr<exit_reason> failure;
  std::shared_ptr<letter_box> box;
  wake_timer timer{};

  [[nodiscard]] scheduler& home() const noexcept { return *here; }

  void begin(waiter& w) {
    box->reader = &w;
    if (call->terms.limit) timer.begin(w, *call->terms.limit);
    call->terms.sent = true;
    send_over<S, M>(std::move(call), [box = box, mine = here->serial()](answer<reply> a) {
      scheduler::post(mine, [box, a = std::move(a)]() mutable {
        box->letter.emplace(std::move(a));
        if (box->reader != nullptr) box->reader->wake();
      });
    });
  }
  [[nodiscard]] bool ready() const noexcept { return box->letter || timer.has_rung(); }
  void leave() noexcept {
    if (!box) return;
    box->reader = nullptr;
    timer.leave();
  }
  template <class Handler>
  void deliver(Handler&& h) {
    if (!box->letter) {
      box->letter.emplace(answer<reply>{.error = errc::timeout, .reason = {}});
      if (box->to_kill) kill_unless_up(*box->to_kill);
    }
    *failure = box->letter->reason;
    complete_call<reply>(std::move(*box->letter), std::forward<Handler>(h));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    abort_call<reply>(std::forward<Handler>(h));
  }
};

// The same for a handler that is no process's. Answer, limit and cancellation may come on different
// threads; the first one is what it completes with, through its own executor.
template <class S, class M, class Handler>
class foreign_call : public std::enable_shared_from_this<foreign_call<S, M, Handler>> {
 public:
  using reply = typename M::reply;

  foreign_call(Handler handler, std::shared_ptr<exit_reason> failure)
      : failure_{std::move(failure)},
        work_{asio::make_work_guard(handler)},
        handler_{std::move(handler)},
        timer_{work_.get_executor()} {}

  void start(call_ptr<S, M> call) {
    if (call->terms.limit) start_timer(*call->terms.limit, call->terms);
    if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
      slot.assign([self = this->weak_from_this()](asio::cancellation_type) {
        if (const auto waiting = self.lock()) {
          waiting->complete({.error = asio::error::operation_aborted, .reason = {}});
        }
      });
    }
    call->terms.sent = true;
    send_over<S, M>(std::move(call), [self = this->shared_from_this()](answer<reply> a) {
      self->complete(std::move(a));
    });
  }

 private:
  using executor_type = asio::associated_executor_t<Handler>;
  using timer_type = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor_type>;

  void start_timer(duration limit, const call_terms& terms) {
    std::optional<process_ref> to_kill;
    if (terms.or_kill) to_kill = terms.target;
    timer_.expires_at(after(clock::now(), limit));
    timer_.async_wait([self = this->shared_from_this(),
                       to_kill = std::move(to_kill)](const boost::system::error_code& ec) {
      if (ec || !self->complete({.error = errc::timeout, .reason = {}})) return;
      if (to_kill) kill_unless_up(*to_kill);
    });
  }

  // False if it is complete already.
  bool complete(answer<reply> a) {
    if (complete_.exchange(true)) return false;
    auto ex = work_.get_executor();
    asio::dispatch(ex, [self = this->shared_from_this(), a = std::move(a)]() mutable {
      self->timer_.cancel();
      asio::get_associated_cancellation_slot(self->handler_).clear();
      *self->failure_ = a.reason;
      self->work_.reset();
      Handler handler{std::move(self->handler_)};
      self.reset();
      complete_call<reply>(std::move(a), std::move(handler));
    });
    return true;
  }

  std::atomic<bool> complete_ = false;
  std::shared_ptr<exit_reason> failure_;
  asio::executor_work_guard<executor_type> work_;
  Handler handler_;
  timer_type timer_;
};

}  // namespace coppice::detail
