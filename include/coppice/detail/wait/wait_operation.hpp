#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/move_only_function.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/wait/complete_failed.hpp>
#include <coppice/detail/wait/wait_state.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/system_executor.hpp>

#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// coppice's own operations: a state (a wait) that says when it is done, and this file's machinery,
// which makes an Asio operation of it that takes any completion token. The handler of a process
// runs straight from the run queue; the handler of other code is dispatched through its own
// executor.

// Gives the process as which a handler with that executor runs, or null if it runs as none.
inline process* process_behind(const executor& ex) noexcept { return access::slot(ex); }
inline process* process_behind(const asio::any_io_executor& ex) noexcept {
  const executor* ours = ex.target<executor>();
  return ours != nullptr ? access::slot(*ours) : nullptr;
}
template <class Other>
process* process_behind(const Other&) noexcept {
  return nullptr;
}

// Wraps a handler so that a call of it goes through the handler's associated executor.
template <class Handler>
class dispatched_handler {
 public:
  explicit dispatched_handler(Handler&& handler) : handler_{std::move(handler)} {}

  template <class... Result>
  void operator()(Result&&... result) {
    dispatch_with(std::tuple<std::decay_t<Result>...>{std::forward<Result>(result)...});
  }

 private:
  template <class... Result>
  void dispatch_with(std::tuple<Result...> result) {
    auto ex = handler_executor_of(handler_);
    dispatch_to(ex, [handler = std::move(handler_), result = std::move(result)]() mutable {
      std::apply(std::move(handler), std::move(result));
    });
  }
  template <class F>
  static void dispatch_to(const asio::any_io_executor& ex, F f) {
    dispatch(ex, std::move(f));
  }
  template <class Executor, class F>
  static void dispatch_to(const Executor& ex, F f) {
    asio::dispatch(ex, move_only_function{std::move(f)});
  }
  // The handler has no executor of its own: it is called here, and nothing is allocated.
  template <class F>
  static void dispatch_to(const asio::system_executor& ex, F f) {
    asio::dispatch(ex, function_ref{f});
  }

  Handler handler_;
};

// The wait of a completion handler. Nobody owns it: it deletes itself when it is over, and is freed
// before the handler is called, as Asio asks for.
template <wait_state State, class Handler>
class wait_operation final : public cancellable_waiter, public pooled {
 public:
  using handler_executor = handler_executor_t<Handler>;

  wait_operation(scheduler& s, State state, Handler handler)
      : cancellable_waiter{s, &act_on, kind_of<State>()},
        state_{std::move(state)},
        handler_{std::move(handler)} {}
  ~wait_operation() = default;

  // If it throws, this is gone. A handler that can be told of the exception gets it instead.
  void start() {
    bool arming = false;
    std::exception_ptr failure;
    try {
      process* p = process_behind_handler();
      // The run queue of this loop must not resume a process of another one. Its handler is
      // dispatched.
      if (p != nullptr && &p->home != at) p = nullptr;
      ours_ = p != nullptr;
      attach(p);
      auto slot = asio::get_associated_cancellation_slot(handler_);
      if (slot.is_connected()) wait_canceller::put(p, *this, slot);
      arming = true;
      state_.arm(*this);
      return;
    } catch (...) {
      if (fail_if_woken()) return;
      failure = std::current_exception();
    }
    if (arming) state_.disarm();
    Handler handler{std::move(handler_)};
    delete this;
    if constexpr (requires { handler.fail(failure); }) {
      handler.fail(failure);
    } else {
      std::rethrow_exception(std::move(failure));
    }
  }

 private:
  [[nodiscard]] process* process_behind_handler() {
    if constexpr (requires { handler_.behind(); }) {
      if (process* const known = handler_.behind(); known != nullptr) {
        hold_body();
        return known;
      }
    }
    return process_behind(handler_executor_of(handler_));
  }

  static void act_on(run_item* item, how h) {
    auto& self = *static_cast<wait_operation*>(item);
    self.left_queue();
    if (h == how::run) {
      self.run();
    } else {
      self.drop();
    }
  }

  void run() {
    if (aborted() || state_.poll()) finish();
  }

  // Destroys the wait with its handler, which takes the frames of its coroutine along. The handler
  // is moved out, so that the wait has left all lists before destructors in those frames run.
  void drop() {
    state_.disarm();
    const bool ours = ours_;
    [[maybe_unused]] Handler handler{std::move(handler_)};
    delete this;
    if constexpr (requires { handler.destroy_frames(); }) {
      if (ours) handler.destroy_frames();
    }
  }

  void finish() {
    // The canceller of a process stays in its slot, for the next wait of the process. The slot of
    // other code is emptied: its owner may use it for something else next.
    if (!ours_) asio::get_associated_cancellation_slot(handler_).clear();
    state_.disarm();
    State state{std::move(state_)};
    Handler handler{std::move(handler_)};
    const bool gives_up = aborted();
    const bool ours = ours_;
    process* const as = owner;
    const std::uint64_t as_number = number;
    delete this;
    if (ours) {
      // Taking the result may throw (a message's move constructor, say). The process ends with that
      // exception. Without this it would end as killed, because its handler is destroyed.
      try {
        complete(state, gives_up, std::move(handler));
      } catch (...) {
        if (as->is(as_number)) as->home.crash(*as);
        throw;
      }
    } else {
      // The handler may run on another thread. Only the result goes there: the state, and the
      // objects that it shares with other waits, stay on the loop's thread.
      complete(state, gives_up, dispatched_handler<Handler>{std::move(handler)});
    }
  }

  template <class H>
  static void complete(State& state, bool gives_up, H&& handler) {
    if (gives_up) {
      complete_aborted<typename State::signature>(std::forward<H>(handler));
    } else {
      state.complete(std::forward<H>(handler));
    }
  }

  State state_;
  Handler handler_;
  bool ours_ = false;
};

// Waits, and calls the handler when the wait is over. If it throws, there is no wait.
template <wait_state State, class Handler>
void wait_with(State state, Handler&& handler) {
  scheduler& home = state.home();
  auto* w = new wait_operation<State, std::decay_t<Handler>>{home, std::move(state),
                                                             std::forward<Handler>(handler)};
  w->start();
}

}  // namespace coppice::detail
