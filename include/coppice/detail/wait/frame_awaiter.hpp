#pragma once

#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/completion.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/detail/wait/wait_state.hpp>

#include <boost/asio/awaitable.hpp>

#include <coroutine>
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

// The completion handler of a frame that is suspended in such a wait. It owns the frame, as Asio's
// handlers do.
template <class Signature, class Executor>
class frame_handler : public asio::detail::awaitable_thread<Executor> {
 public:
  frame_handler(frame_base<Executor>& suspended, completion<Signature>*& result, process* p)
      : asio::detail::awaitable_thread<Executor>{std::move(*suspended.detach_thread())},
        frame_{&suspended},
        result_{&result},
        process_{p} {}

  template <class... Result>
  void operator()(Result&&... result) {
    completion<Signature> kept;
    kept.emplace(std::forward<Result>(result)...);
    *result_ = &kept;
    frame_->attach_thread(this);
    this->pump();
  }

  // The process whose body the frame belongs to, or null if that is not known.
  [[nodiscard]] process* behind() const noexcept { return process_; }

 private:
  frame_base<Executor>* frame_;
  completion<Signature>** result_;
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
          wait_with(std::move(*a.state_),
                     frame_handler<signature, Executor>{*a.frame_, a.result_, a.process_});
        },
        this);
  }
  auto await_resume() {
    if (result_ != nullptr) return result_->take();
    completion<signature> result;
    state_->complete(receiver<signature>{&result});
    return result.take();
  }

 private:
  State* state_;
  frame_base<Executor>* frame_;
  process* process_ = nullptr;  // null unless the frame is of the body of the running process
  completion<signature>* result_ = nullptr;  // where the handler has it, on the stack
};

}  // namespace coppice::detail
