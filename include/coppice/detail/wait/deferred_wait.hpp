#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/detail/wait/wait_state.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// A handler that resumes the frame of an awaitable. Asio begins what an awaitable awaits when its
// frame is suspended already, so such a handler may be called within that.
#if defined(COPPICE_DOCUMENTED_ASIO_ONLY)
template <class Handler>
inline constexpr bool resumes_frame = false;
#else
template <class Handler>
concept resumes_frame = requires { typename Handler::executor_type; } &&
    std::derived_from<Handler, asio::detail::awaitable_thread<typename Handler::executor_type>>;
#endif

// An operation of coppice's that has not begun: see `coppice::operation`. Called as an rvalue, it
// gives its state away.
template <wait_state State>
class [[nodiscard]] deferred_wait {
 public:
  using signature = typename State::signature;
  using wait_type = State;

  explicit deferred_wait(State state) noexcept(std::is_nothrow_move_constructible_v<State>)
      : state_{std::move(state)} {}

  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) && {
    return initiate(std::move(state_), token);
  }
  template <asio::completion_token_for<signature> Token>
  auto operator()(Token&& token) const& {
    return initiate(state_, token);
  }

  // For those who can do without a handler: what is not used again is waited for in its place.
  [[nodiscard]] State& to_wait() && { return state_; }
  [[nodiscard]] State to_wait() const& { return state_; }

 private:
  template <class Token>
  static auto initiate(State state, Token& token) {
    return asio::async_initiate<Token, signature>(
        [](auto&& handler, State s) {
          begin(std::move(s), std::forward<decltype(handler)>(handler));
        },
        token, std::move(state));
  }

  template <class Handler>
  static void begin(State state, Handler&& handler) {
    using handler_type = std::decay_t<Handler>;
    scheduler& home = state.home();
    if constexpr (early_wait_state<State> && resumes_frame<handler_type>) {
      // Only for the body itself. Coroutines that it has spawned may be losers of a race, which
      // must not take a message for nothing.
      process* const p = process_behind(handler.get_executor());
      if (p != nullptr && handler.entry_point() == p->outermost && home.may_complete_at_once(*p) &&
          state.ready(*p)) {
        const scheduler::nested_completion one{home};
        return complete_within(state, *p, std::forward<Handler>(handler));
      }
    }
    auto* w = new wait_operation<State, handler_type>{home, std::move(state),
                                                      std::forward<Handler>(handler)};
    w->start();
  }

  // The frame that awaits is suspended, and goes on within this call.
  template <class Handler>
  static void complete_within(State& state, process& p, Handler handler) {
    const std::uint64_t number = p.number.load(std::memory_order_relaxed);
    try {
      state.complete(std::move(handler));
    } catch (...) {
      // As in `wait_operation::finish`: moving the result has thrown, and the process ends by that.
      if (p.is(number)) p.home.crash(p);
      throw;
    }
  }

  State state_;
};

}  // namespace coppice::detail
