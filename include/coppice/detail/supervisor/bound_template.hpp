#pragma once

#include <coppice/init_ack.hpp>

#include <concepts>
#include <functional>
#include <memory>

namespace coppice::detail {

// Binds the function of a template to one argument, so that the result is a callable like any
// other. The argument is copied for each start, because a restart begins with the same one.
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
