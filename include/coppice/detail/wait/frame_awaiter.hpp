#pragma once

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/completion.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/detail/wait/wait_state.hpp>

#include <boost/asio/awaitable.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

// The awaiters of coppice's own operations in the frame of an asio::awaitable. They take the place
// of Asio's awaitable_async_op, which suspends the frame for every operation, and empties its
// cancellation slot after each: what has its result already completes here without that, and a wait
// finds its canceller in the slot. The class is not documented, but the same in every Boost from
// 1.77 to 1.90. With COPPICE_DOCUMENTED_ASIO_ONLY these operations are awaited as all others are.

namespace coppice::detail {

template <class Executor>
using frame_base = asio::detail::awaitable_frame_base<Executor>;

// Gives the outermost of the coroutines that wait for that one, which runs.
template <class Executor>
void* outermost_of(const frame_base<Executor>& running) noexcept {
  struct derived : frame_base<Executor> {  // the member is protected
    static auto thread() { return &derived::attached_thread_; }
  };
  return (running.*derived::thread())->entry_point();
}

// Tells a frame that is suspended in a wait how that has ended: with a result, or with an exception
// if the wait could not begin. Both lie on the stack of whoever resumes the frame, aligned as
// pointers are. One bit tells which of the two it is: a member more would make every frame larger.
template <class Signature>
class frame_outcome {
 public:
  void set(completion<Signature>& result) noexcept {
    word_ = reinterpret_cast<std::uintptr_t>(&result);
  }
  void set(const std::exception_ptr& failure) noexcept {
    word_ = reinterpret_cast<std::uintptr_t>(&failure) | failure_bit;
  }
  [[nodiscard]] bool is_there() const noexcept { return word_ != 0; }
  auto take() {
    if ((word_ & failure_bit) != 0) {
      std::rethrow_exception(*reinterpret_cast<const std::exception_ptr*>(word_ & ~failure_bit));
    }
    return reinterpret_cast<completion<Signature>*>(word_)->take();
  }

 private:
  static constexpr std::uintptr_t failure_bit = 1;

  std::uintptr_t word_ = 0;
};

// The completion handler of a frame that is suspended in such a wait. It owns the frame, as Asio's
// handlers do.
template <class Signature, class Executor>
class frame_handler : public asio::detail::awaitable_thread<Executor> {
 public:
  frame_handler(frame_base<Executor>& suspended, frame_outcome<Signature>& outcome, process* p)
      : asio::detail::awaitable_thread<Executor>{std::move(*suspended.detach_thread())},
        frame_{&suspended},
        outcome_{&outcome},
        process_{p} {}

  template <class... Result>
  void operator()(Result&&... result) {
    alignas(void*) alignas(completion<Signature>) completion<Signature> kept;
    kept.emplace(std::forward<Result>(result)...);
    outcome_->set(kept);
    resume();
  }
  // The wait could not begin: the frame goes on with this exception.
  void fail(const std::exception_ptr& why) {
    outcome_->set(why);
    resume();
  }
  // Lets `begin` have the handler, by which it begins the wait. The frame hears of what it throws.
  template <class Begin>
  static void begin_with(frame_handler handler, Begin begin) {
    std::exception_ptr failure;
    try {
      return begin(std::move(handler));
    } catch (...) {
      failure = std::current_exception();
    }
    if (!handler.bottom_of_stack_.valid()) std::rethrow_exception(std::move(failure));
    handler.fail(failure);
  }

  // Destroys the frames at once, where they are at rest and their process is going. Asio would do
  // the same in its destructor, but through the executor, which allocates; and it must not fail.
  void destroy_frames() noexcept {
    [[maybe_unused]] const auto gone = std::move(this->bottom_of_stack_);
  }

  // The process whose body the frame belongs to, or null if that is not known.
  [[nodiscard]] process* behind() const noexcept { return process_; }

 private:
  void resume() {
    frame_->attach_thread(this);
    this->pump();
  }

  frame_base<Executor>* frame_;
  frame_outcome<Signature>* outcome_;
  process* process_;
};

// Awaits a wait. `State` lies in the frame; it is moved from if the frame is suspended.
template <class State, class Executor>
class frame_awaiter {
 public:
  using signature = typename State::signature;

  frame_awaiter(State& state, frame_base<Executor>& running) noexcept
      : state_{&state}, frame_{&running} {}

  // Only the body itself may go on at once. Coroutines that it has spawned may be losers of a race,
  // which must not take a message for nothing.
  [[nodiscard]] bool await_ready() {
    process_ = state_->home().body_behind(outermost_of(*frame_));
    if constexpr (early_wait_state<State>) {
      if (process_ == nullptr || !may_complete_at_once(*state_, *process_)) return false;
      process_->home.complete_at_once();
      return true;
    } else {
      return false;
    }
  }
  // The wait begins when the frame is suspended. It may be resumed at any time from then on.
  void await_suspend(std::coroutine_handle<>) noexcept {
    frame_->after_suspend(
        [](void* self) {
          auto& a = *static_cast<frame_awaiter*>(self);
          using handler = frame_handler<signature, Executor>;
          State& state = *a.state_;
          handler::begin_with(handler{*a.frame_, a.outcome_, a.process_}, [&](handler&& mine) {
            wait_with(std::move(state), std::move(mine));
          });
        },
        this);
  }
  auto await_resume() {
    if (outcome_.is_there()) return outcome_.take();
    completion<signature> result;
    state_->complete(receiver<signature>{&result});
    return result.take();
  }

 private:
  State* state_;
  frame_base<Executor>* frame_;
  process* process_ = nullptr;  // null unless the frame is of the body of the running process
  frame_outcome<signature> outcome_;
};

}  // namespace coppice::detail
