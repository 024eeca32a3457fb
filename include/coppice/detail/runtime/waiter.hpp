#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/base/move_only_function.hpp>
#include <coppice/detail/runtime/run_queue.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>

#include <concepts>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Somebody suspended in one of coppice's own operations. States: waiting (in the list of its
// process), woken (in the run queue as well), gone. Waking is cheap and may be spurious: whether
// there is a result is decided when it runs, so that nothing is taken out of a mailbox for a process
// that is killed in between.
class COPPICE_API waiter : public owned_item, public list_hook {
 public:
  // What `f` runs decides whether there is a result, and what it drops is destroyed.
  waiter(scheduler& s, function* f) noexcept : owned_item{f} { at = &s; }
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;

  [[nodiscard]] scheduler& home() noexcept { return owner != nullptr ? owner->home : *at; }

  void wake() noexcept {
    if (woken_) return;
    woken_ = true;
    if (owner != nullptr) ++owner->woken;
    home().push(*this);
  }

  void abort() noexcept {
    aborted_ = true;
    wake();
  }

  // Wakes all in the list; false if it is empty.
  static bool wake_all(list_hook& waits) noexcept;
  static bool any_aborted(process& p) noexcept;
  // Aborts those that hear of a stop request in no other way.
  static void abort_listening(process& p) noexcept;
  // Drops one of the list that is not in the run queue; false if there is none.
  static bool drop_one(list_hook& waits);

 protected:
  ~waiter() = default;
  // First of all when it is acted on: it may be woken again.
  void left_queue() noexcept {
    woken_ = false;
    if (owner != nullptr && owner->is(number)) --owner->woken;
  }
  [[nodiscard]] bool aborted() const noexcept { return aborted_; }
  void attach(process* p) noexcept {
    if (p != nullptr) {
      owner = p;
      number = p->number.load(std::memory_order_relaxed);
      p->waits.push_back(*this);
    } else {
      at->foreign_waits().push_back(*this);
    }
  }
  void listen_for_stop() noexcept { listening_ = true; }

 private:
  bool woken_ = false;
  bool aborted_ = false;
  bool listening_ = false;
};

// The process as which a handler with that executor runs, if coppice runs it.
inline process* process_behind(const executor& ex) noexcept { return ex.get(); }
inline process* process_behind(const asio::any_io_executor& ex) noexcept {
  const executor* ours = ex.target<executor>();
  return ours != nullptr ? ours->get() : nullptr;
}
template <class Other>
process* process_behind(const Other&) noexcept {
  return nullptr;
}

class cancellable_waiter;

// What lies in the cancellation slot of somebody who waits. It stays there when the wait is over, and
// serves the next one of the same process in the same slot. Slots, waits and the scheduler go in any
// order, so whichever goes first tells the others.
class COPPICE_API wait_canceller {
 public:
  wait_canceller(process* p, cancellable_waiter& w, asio::cancellation_slot where = {}) noexcept;
  wait_canceller(const wait_canceller&) = delete;
  wait_canceller& operator=(const wait_canceller&) = delete;
  ~wait_canceller();

  void operator()(asio::cancellation_type type) const noexcept;

  // Has the wait be cancelled by that slot.
  template <class Slot>
  static void put(process* p, cancellable_waiter& w, Slot slot) {
    if constexpr (std::is_same_v<Slot, asio::cancellation_slot>) {
      if (p != nullptr && p->canceller != nullptr && p->canceller->where_ == slot) {
        p->canceller->aim(w);
      } else {
        slot.template emplace<wait_canceller>(p, w, slot);
      }
    } else {
      slot.template emplace<wait_canceller>(p, w);
    }
  }
  void forget_process() noexcept { of_ = nullptr; }
  void forget_wait() noexcept { target_ = nullptr; }

 private:
  void aim(cancellable_waiter& w) noexcept;

  process* of_ = nullptr;  // which knows this for its next wait
  cancellable_waiter* target_ = nullptr;
  asio::cancellation_slot where_;
};

class COPPICE_API cancellable_waiter : public waiter {
 public:
  using waiter::waiter;

 protected:
  ~cancellable_waiter() {
    if (canceller_ != nullptr) canceller_->forget_wait();
  }

 private:
  friend class wait_canceller;
  wait_canceller* canceller_ = nullptr;
};

// Calls a handler through the executor of that.
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
    auto ex = asio::get_associated_executor(handler_);
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

  Handler handler_;
};

// What an operation of coppice's must say of itself.
//
//   begin(w)         the caller is suspended: register, and w.wake() when there may be a result
//   ready()          whether there is one; asked when woken
//   deliver(h)       takes the result and calls h with it
//   deliver_abort(h) calls h with operation_aborted
//   leave()          unregister; called before either, and when the caller is destroyed
template <class State, class Handler>
class wait_operation final : public cancellable_waiter, public pooled {
 public:
  using handler_executor = asio::associated_executor_t<Handler>;

  wait_operation(scheduler& s, State state, Handler handler)
      : cancellable_waiter{s, &act_on}, state_{std::move(state)}, handler_{std::move(handler)} {}
  ~wait_operation() = default;

  void start() {
    process* p = process_behind(asio::get_associated_executor(handler_));
    if (p != nullptr && &p->home != at) p = nullptr;  // of another io_context
    ours_ = p != nullptr;
    attach(p);
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) wait_canceller::put(p, *this, slot);
    state_.begin(*this);
  }

 private:
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
    if (aborted() || state_.ready()) finish();
  }

  void drop() {
    state_.leave();
    [[maybe_unused]] const Handler handler{std::move(handler_)};
    delete this;
  }

  void finish() {
    if (!ours_) asio::get_associated_cancellation_slot(handler_).clear();
    state_.leave();
    State state{std::move(state_)};
    Handler handler{std::move(handler_)};
    const bool gives_up = aborted();
    const bool ours = ours_;
    process* const as = owner;
    const std::uint64_t as_number = number;
    delete this;
    if (ours) {
      // The process ends with what taking the result throws, and not with the loss of its handler.
      try {
        complete(state, gives_up, std::move(handler));
      } catch (...) {
        if (as->is(as_number)) as->home.crash(*as);
        throw;
      }
    } else {
      // That may be on another thread. The state stays on this one, with what it shares; the result
      // goes.
      complete(state, gives_up, dispatched_handler<Handler>{std::move(handler)});
    }
  }

  template <class H>
  static void complete(State& state, bool gives_up, H&& handler) {
    if (gives_up) {
      state.deliver_abort(std::forward<H>(handler));
    } else {
      state.deliver(std::forward<H>(handler));
    }
  }

  State state_;
  Handler handler_;
  bool ours_ = false;
};

// An operation that has not begun: `co_await` it, or call it with any completion token. Begins when
// awaited or called.
template <class Signature, class State>
class [[nodiscard]] operation {
 public:
  using signature = Signature;
  using wait_type = State;

  explicit operation(State state) noexcept(std::is_nothrow_move_constructible_v<State>)
      : state_{std::move(state)} {}

  template <asio::completion_token_for<Signature> Token>
  auto operator()(Token&& token) && {
    return initiate(std::move(state_), token);
  }
  template <asio::completion_token_for<Signature> Token>
  auto operator()(Token&& token) const& {
    return initiate(state_, token);
  }

  // For those who can do without a handler: what is not used again is waited for in its place.
  [[nodiscard]] State& to_wait() && { return state_; }
  [[nodiscard]] State to_wait() const& { return state_; }

 private:
  template <class Token>
  static auto initiate(State state, Token& token) {
    return asio::async_initiate<Token, Signature>(
        [](auto&& handler, State s) {
          using handler_type = std::decay_t<decltype(handler)>;
          scheduler& home = s.home();
          auto* w = new wait_operation<State, handler_type>{
              home, std::move(s), std::forward<decltype(handler)>(handler)};
          w->start();
        },
        token, std::move(state));
  }

  State state_;
};

// The scheduler at work on this thread. Throws std::logic_error outside of processes.
COPPICE_API scheduler& here();

// Throws std::logic_error, naming the function of the interface, if the caller must not touch what
// belongs to that scheduler: a process may only touch what belongs to its own io_context, others only
// what no other thread runs.
COPPICE_API void check_reach(const scheduler& home, const char* function);

}  // namespace coppice::detail
