#pragma once

#include <coppice/function_call.hpp>

#include <utility>

namespace coppice::detail {

// Wraps a call so that it can only be awaited by its name, where g++ 12 would destroy an aggregate
// in it twice (see base/in_place.hpp).
template <bool ByName, class Call>
auto awaited_as(Call call) {
  if constexpr (ByName) {
    return function_call{std::move(call)};
  } else {
    return call;
  }
}

}  // namespace coppice::detail
