#pragma once

#include <coppice/exit_reason.hpp>

#include <boost/system/result.hpp>

namespace coppice {

/// What came of a task: what it returned, or how it ended without. `value()` of one that failed
/// throws the task's own exception.
template <class T>
using task_result = boost::system::result<T, exit_reason>;

}  // namespace coppice
