#pragma once

#include <coppice/child_start.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/runtime/body.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/request_waits.hpp>
#include <coppice/detail/wait/operation.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/task_options.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include <utility>
#include <vector>

namespace coppice::detail {

COPPICE_API child_start start_task_child(const process_ref& supervisor, body_ptr what,
                                         const task_child_options& o);

// The listing of a supervisor, as the pids of what runs.
struct COPPICE_API pids_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(request->error, pids());
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             std::vector<pid>{});
  }

 private:
  [[nodiscard]] std::vector<pid> pids() const;
};

using pids_operation = operation<void(boost::system::error_code, std::vector<pid>), pids_wait>;

}  // namespace coppice::detail
