#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/wait_operation.hpp>
#include <coppice/detail/wait/wait_state.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>

#include <type_traits>
#include <utility>

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
#include <coppice/detail/wait/frame_awaiter.hpp>
#endif

namespace coppice::detail {

// An operation of coppice's that has not begun: see `coppice::operation`. Called as an rvalue, it
// gives its state away.
template <wait_state State>
class [[nodiscard]] deferred_wait {
 public:
  using signature = typename State::signature;

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
          wait_with(std::move(s), std::forward<decltype(handler)>(handler));
        },
        token, std::move(state));
  }

  State state_;
};

}  // namespace coppice::detail

#if !defined(COPPICE_DOCUMENTED_ASIO_ONLY)
template <class Signature, class State, class Executor>
class boost::asio::detail::awaitable_async_op<Signature, coppice::detail::deferred_wait<State>,
                                              Executor>
    : public coppice::detail::frame_awaiter<State, Executor> {
 public:
  // Asio may pass the location of the await besides.
  template <class... Location>
  awaitable_async_op(coppice::detail::deferred_wait<State>&& awaited,
                     awaitable_frame_base<Executor>* running, const Location&...) noexcept
      : coppice::detail::frame_awaiter<State, Executor>{std::move(awaited).to_wait(), *running} {}
};
#endif
