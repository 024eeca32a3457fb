#pragma once

#include <coppice/function_call.hpp>

#include <utility>

namespace coppice::detail {

template <bool ByName, class Call>
auto awaited_as(Call call) {
  if constexpr (ByName) {
    return function_call{std::move(call)};
  } else {
    return call;
  }
}

}  // namespace coppice::detail
