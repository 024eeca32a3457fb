#pragma once

#include <coppice/describe.hpp>

#include <functional>
#include <string>
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
