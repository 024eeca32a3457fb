#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/coroutine/task_promise.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/complete_failed.hpp>
#include <coppice/detail/wait/completion.hpp>
#include <coppice/detail/wait/wait_state.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// One of coppice's own operations: nothing is allocated, the wait is part of the frame.
template <class State>
requires wait_state<std::remove_reference_t<State>>
class native_awaiter final : public waiter {
 public:
  using signature = typename std::remove_reference_t<State>::signature;

  native_awaiter(State&& state, task_promise_base& p)
      : waiter{state.home(), &act_on, kind_of<std::remove_reference_t<State>>()},
        state_{std::forward<State>(state)},
        promise_{p} {}
  ~native_awaiter() = default;

  bool await_ready() {
    if constexpr (early_wait_state<std::remove_reference_t<State>>) {
      // Only for the body itself, as in deferred_wait.
      if (promise_.root != nullptr || !may_complete_at_once(state_, *promise_.self)) return false;
      promise_.self->home.complete_at_once();
      return true;
    } else {
      return false;
    }
  }
  void await_suspend(std::coroutine_handle<>) {
    bool arming = false;
    try {
      begin();
      arming = true;
      state_.arm(*this);
    } catch (...) {
      if (fail_if_woken()) return;
      if (arming) state_.disarm();
      leave();
      throw;
    }
  }
  auto await_resume() {
    completion<signature> result;
    if (aborted()) {
      complete_aborted<signature>(receiver<signature>{&result});
    } else {
      state_.complete(receiver<signature>{&result});
    }
    return result.take();
  }

 private:
  void begin() {
    attach(promise_.self);
    // A body of a process hears of stop requests directly. A task that another coroutine awaits is
    // cancelled through the slot of that coroutine, which its root listens to.
    if (promise_.root == nullptr) {
      promise_.body_waits();
      listen_for_stop();
    } else {
      promise_.root->listen(*this);
      if (promise_.root->holds_body()) hold_body();
    }
  }
  void leave() noexcept {
    list_hook::unlink();
    if (promise_.root != nullptr) {
      promise_.root->has_waited();
    } else {
      promise_.self->innermost = nullptr;
    }
  }

  static void act_on(run_item* item, how h) {
    auto& self = *static_cast<native_awaiter*>(item);
    self.left_queue();
    if (h == how::run) {
      self.run();
    } else {
      self.state_.disarm();
      self.promise_.drop();  // and with it this
    }
  }

  void run() {
    if (!aborted() && !state_.poll()) return;
    state_.disarm();
    leave();
    promise_.resume();
  }

  State state_;  // a value, or a reference if State is one
  task_promise_base& promise_;
};

// Awaits yield() for a task: it puts itself into the run queue, behind all that is ready. It is in
// no list of waits, which makes a yield a third cheaper; bits of the process stand for it there.
class COPPICE_API yield_awaiter final : public owned_item {
 public:
  explicit yield_awaiter(task_promise_base& p) noexcept : owned_item{&act_on}, promise_{p} {}
  yield_awaiter(const yield_awaiter&) = delete;
  yield_awaiter& operator=(const yield_awaiter&) = delete;

  void abort() noexcept {
    stopped_ = true;
    if (owner->is(number)) owner->stop.cancelled_wait();
  }

  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) {
    process& p = *promise_.self;
    owner = &p;
    number = p.number.load(std::memory_order_relaxed);
    if (promise_.root == nullptr) {
      promise_.body_waits();
      p.stop.begin_yield();
    } else {
      promise_.root->listen(*this);
    }
    p.home.push(*this, &p);
  }
  void await_resume() const {
    if (stopped_) throw boost::system::system_error{asio::error::operation_aborted};
  }

 private:
  static void act_on(run_item* item, how h);

  task_promise_base& promise_;
  bool stopped_ = false;
};

// Awaits, for a task, an operation that may belong to another io_context, as a call to a server
// there does. Which one it is, is known only now; the wait across threads is another type of wait.
// That one is allocated, so that its size does not count in every frame.
template <class Op>
class any_loop_awaiter {
 public:
  any_loop_awaiter(Op& op, task_promise_base& p) noexcept : op_{op}, promise_{p} {}
  any_loop_awaiter(const any_loop_awaiter&) = delete;
  any_loop_awaiter& operator=(const any_loop_awaiter&) = delete;

  bool await_ready() {
    if (!access::belongs_to(op_, promise_.self->home)) return false;
    return local_.emplace(access::to_wait(op_), promise_).await_ready();
  }
  void await_suspend(std::coroutine_handle<> h) {
    if (local_) return local_->await_suspend(h);
    scheduler& mine = promise_.self->home;
    remote_ = std::make_unique<remote>(access::to_remote_wait(op_, mine), promise_);
    remote_->await_suspend(h);
  }
  auto await_resume() { return local_ ? local_->await_resume() : remote_->await_resume(); }

 private:
  using local = native_awaiter<decltype(access::to_wait(std::declval<Op&>()))>;
  using remote = native_awaiter<decltype(access::to_remote_wait(std::declval<Op&>(),
                                                                std::declval<scheduler&>()))>;

  Op& op_;
  task_promise_base& promise_;
  std::optional<local> local_;
  std::unique_ptr<remote> remote_;
};

}  // namespace coppice::detail
