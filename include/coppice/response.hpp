#pragma once

#include <coppice/call_result.hpp>
#include <coppice/exit_reason.hpp>

namespace coppice {

/// One answer out of many.
template <class R, class Label>
struct response {
  Label label;
  call_result<R> result;
  exit_reason failure;  ///< How the server ended, if `result` is `errc::died`.
};

}  // namespace coppice
