#pragma once

#include <functional>
#include <string>

namespace coppice::detail {

// The message behind sys::get_state and its kin: a function that the server of any class runs on
// its object between two messages. It handles itself, so no class has to have a handler for it.
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
