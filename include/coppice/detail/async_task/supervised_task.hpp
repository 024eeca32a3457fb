#pragma once

#include <coppice/child_start.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/task_options.hpp>

#include <boost/system/error_code.hpp>

#include <utility>
#include <vector>

namespace coppice::detail {

COPPICE_API child_start start_task_child(const process_ref& supervisor, body_ptr what,
                                         const task_child_options& o);

// Waits for the listing of a supervisor, and gives the pids of the children that run.
struct COPPICE_API pids_wait : request_wait_base {
  using signature = void(boost::system::error_code, std::vector<pid>);

  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(request->error, pids());
  }

 private:
  [[nodiscard]] std::vector<pid> pids() const;
};

}  // namespace coppice::detail
