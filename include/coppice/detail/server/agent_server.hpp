#pragma once

#include <coppice/describe.hpp>
#include <coppice/operation.hpp>

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace coppice::detail {

template <class F, class R>
struct agent_call {
  using reply = R;
  F function;
};
template <class F>
struct agent_cast {
  F function;
};

// How a request completes whose function is called with that; nothing if the function cannot be
// called.
template <class F, class State>
struct agent_reply_of {
  using signature = void;
};
template <class F, class State>
requires std::invocable<F, State>
struct agent_reply_of<F, State> {
  using signature = completion_signature<std::decay_t<std::invoke_result_t<F, State>>>;
};
template <class F, class State>
using agent_reply = typename agent_reply_of<F, State>::signature;

// The server behind an agent: it holds a state, and its messages are functions that it runs on the
// state. Each type of function is a message type of its own; none of them is type-erased.
template <class T>
class agent_server {
 public:
  explicit agent_server(const std::function<T()>& make) : state_{make()} {}

  template <class F, class R>
  R handle(agent_call<F, R>&& m) {
    return std::invoke(std::move(m.function), state_);
  }
  template <class F>
  void handle(agent_cast<F>&& m) {
    std::invoke(std::move(m.function), state_);
  }

  friend std::string describe(const agent_server& a) { return text_of(a.state_); }

 private:
  T state_;
};

}  // namespace coppice::detail
