#pragma once

#include <functional>
#include <string>

namespace coppice::detail {

template <class F, class R>
struct state_access {
  using reply = R;
  F function;

  template <class S>
  R handle_on(S& server) {
    return std::invoke(function, server);
  }
  friend std::string describe(const state_access&) { return "debugging: access to the state"; }
};

}  // namespace coppice::detail
