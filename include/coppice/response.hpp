#pragma once

#include <coppice/call_result.hpp>
#include <coppice/exit_reason.hpp>

namespace coppice {

/// One answer out of many.
template <class R, class Label>
struct response {
  Label label;            ///< Which call it is the answer to, as its sender named it.
  call_result<R> result;  ///< The answer, or the error.
  exit_reason failure;  ///< How the server ended, if `result` is `errc::died`.
};

}  // namespace coppice
