#pragma once

namespace coppice {

/// The fate of the tasks that `yield_many` has found unfinished when the time was over.
enum class unfinished_tasks : unsigned char {
  nothing,    ///< They can be waited for again.
  ignore,     ///< They go on, and are forgotten, as by `async_task::ignore`.
  kill_task,  ///< They are killed; that is waited for.
};

}  // namespace coppice
