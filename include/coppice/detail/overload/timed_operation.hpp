#pragma once

#include <coppice/config.hpp>
#include <coppice/deadline.hpp>
#include <coppice/detail/base/access.hpp>
#include <coppice/detail/base/memory.hpp>
#include <coppice/detail/overload/timed_part.hpp>
#include <coppice/detail/overload/timed_result.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/executor.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <concepts>
#include <new>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// An operation that runs with a deadline, for one handler. The operation gets a handler that refers
// to this; its handler owns what waits for it, as in Asio.
//
// That handler may be called within the initiating function, later, or never; it may be destroyed
// uncalled, on any thread. `now_` tells the cases apart:
//   initiating  the initiating function has not returned
//   waiting     it has; a dropped handler takes this along
//   failed      it has thrown; what is left of the operation may still refer to this
//   dropped     the handler was destroyed uncalled: nothing will ever complete
template <class Handler>
class timed_run final : public timed_part, public pooled {
 public:
  template <class Op>
  static void start(Op op, const deadline& when, timed_coroutine* coroutine, Handler h) {
    if (when.is_infinity()) {
      std::move(op)(std::move(h));
      return;
    }
    process& p = timed_process(process_behind(handler_executor_of(h)));
    auto* const run = new timed_run{p, coroutine, std::move(h)};
    const use keep{*run};
    try {
      run->begin(asio::get_associated_cancellation_slot(run->handler_), when);
      std::move(op)(inner_handler{*run});
    } catch (...) {
      run->initiated(true);
      throw;
    }
    run->initiated(false);
  }

 private:
  enum class state : unsigned char { initiating, waiting, failed, dropped };

  class inner_handler {
   public:
    using executor_type = executor;
    using cancellation_slot_type = asio::cancellation_slot;
    using allocator_type = pool_allocator<void>;

    explicit inner_handler(timed_run& r) noexcept : to_{&r} {}
    inner_handler(inner_handler&& other) noexcept : to_{std::exchange(other.to_, nullptr)} {}
    inner_handler& operator=(inner_handler&&) = delete;
    ~inner_handler() {
      if (to_ != nullptr) to_->dropped();
    }

    template <class... Result>
    void operator()(Result&&... result) {
      std::exchange(to_, nullptr)->complete(std::forward<Result>(result)...);
    }

    [[nodiscard]] executor_type get_executor() const noexcept {
      return access::make<executor>(*to_->owner, to_->number);
    }
    [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept {
      return to_->slot();
    }
    [[nodiscard]] static allocator_type get_allocator() noexcept { return {}; }
    [[nodiscard]] bool* fails_next_wait() const noexcept { return to_->fails_next_wait(); }

   private:
    timed_run* to_;
  };

  // Destroys a run when it is itself destroyed, called or not: the executor of a process that has
  // ended destroys its function objects.
  class dropped_run {
   public:
    explicit dropped_run(timed_run& r) noexcept : of_{&r} {}
    dropped_run(dropped_run&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    dropped_run& operator=(dropped_run&&) = delete;
    ~dropped_run() {
      if (of_ != nullptr) of_->drop();
    }
    void operator()() const noexcept {}

   private:
    timed_run* of_;
  };

  timed_run(process& p, timed_coroutine* coroutine, Handler&& h)
      : timed_part{p, coroutine}, handler_{std::move(h)} {}
  ~timed_run() = default;

  void dispose() noexcept override { delete this; }

  template <class... Result>
  void complete(Result&&... result) {
    leave();
    if (now_.load() == state::failed) return end();
    if (was_cancelled_by_caller() && says_cancellation(result...)) caller_has_heard();
    const bool timed_out = has_timed_out();
    Handler h{std::move(handler_)};
    end();
    tell_timed(timed_out, std::move(h), std::forward<Result>(result)...);
  }

  void initiated(bool failed) noexcept {
    if (is_over()) return;
    state found = state::initiating;
    const bool lost =
        !now_.compare_exchange_strong(found, failed ? state::failed : state::waiting);
    if (lost) {
      drop();
    } else if (failed) {
      give_up();
    }
  }
  void dropped() noexcept {
    if (now_.exchange(state::dropped) == state::initiating) return;
    // Not at once: this may be another thread.
    const auto ex = access::make<executor>(*owner, number);
    try {
      ex.require(asio::execution::blocking.never).execute(dropped_run{*this});
    } catch (const std::bad_alloc&) {
      // The function object has been destroyed, and this with it.
    }
  }
  // Destroys the handler, which takes the frames of its coroutine along.
  void give_up() noexcept {
    leave();
    [[maybe_unused]] const Handler h{std::move(handler_)};
  }
  void drop() noexcept {
    const use keep{*this};
    give_up();
    end();
  }

  Handler handler_;
  std::atomic<state> now_ = state::initiating;
};

// An operation with a deadline that has not begun: an operation with the same signature.
template <class Op>
class [[nodiscard]] timed_operation {
 public:
  using signature = asio::completion_signature_of_t<Op>;

  // See timed_part for `coroutine`.
  timed_operation(Op op, const deadline& when, timed_coroutine* coroutine = nullptr)
      : op_{std::move(op)}, when_{when}, coroutine_{coroutine} {}

  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) && {
    return initiate(std::move(op_), when_, coroutine_, token);
  }
  template <asio::completion_token_for<signature> Token>
  requires std::copy_constructible<Op>
  auto operator()(Token&& token) const& { return initiate(op_, when_, coroutine_, token); }

 private:
  template <class Token>
  static auto initiate(Op op, const deadline& when, timed_coroutine* coroutine, Token& token) {
    return asio::async_initiate<Token, signature>(
        [](auto&& handler, Op o, const deadline& w, timed_coroutine* c) {
          using handler_type = std::decay_t<decltype(handler)>;
          timed_run<handler_type>::start(std::move(o), w, c,
                                         std::forward<decltype(handler)>(handler));
        },
        token, std::move(op), when, coroutine);
  }

  Op op_;
  deadline when_;
  timed_coroutine* coroutine_;
};

}  // namespace coppice::detail
