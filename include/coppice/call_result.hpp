#pragma once

#include <boost/system/result.hpp>

namespace coppice {

/// An answer, or what was in its way.
template <class R>
using call_result = boost::system::result<R>;

}  // namespace coppice
