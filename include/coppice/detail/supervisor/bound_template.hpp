#pragma once

#include <coppice/init_ack.hpp>

#include <concepts>
#include <functional>
#include <memory>

namespace coppice::detail {

// A function of a template with its argument: a body like any other.
template <class F, class Argument>
struct bound_template {
  std::shared_ptr<F> function;
  Argument argument;

  auto operator()()
    requires std::invocable<F&, Argument>
  {
    return std::invoke(*function, Argument{argument});
  }
  auto operator()(init_ack up)
    requires std::invocable<F&, init_ack, Argument>
  {
    return std::invoke(*function, up, Argument{argument});
  }
};

}  // namespace coppice::detail
