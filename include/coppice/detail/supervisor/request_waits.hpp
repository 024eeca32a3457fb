#pragma once

#include <coppice/child_entry.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/supervisor_request.hpp>
#include <coppice/detail/wait/deferred_wait.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace coppice::detail {

struct COPPICE_API request_wait_base {
  std::shared_ptr<supervisor_request> request;
  process_ref supervisor;

  [[nodiscard]] scheduler& home() const;
  void arm(waiter& w);
  [[nodiscard]] bool poll() const noexcept { return request->done; }
  void disarm() noexcept { request->waiting = nullptr; }
};

struct request_wait : request_wait_base {
  using signature = void(boost::system::error_code);

  template <class Handler>
  void complete(Handler&& h) {
    std::forward<Handler>(h)(request->error);
  }
};

template <class Result, Result supervisor_request::*Member>
struct result_wait : request_wait_base {
  using signature = void(boost::system::error_code, Result);

  template <class Handler>
  void complete(Handler&& h) {
    const boost::system::error_code ec = request->error;
    request->heard();
    std::forward<Handler>(h)(ec, std::move((*request).*Member));
  }
};

struct entry_wait : request_wait_base {
  using signature = void(boost::system::error_code, child_entry);

  template <class Handler>
  void complete(Handler&& h) {
    auto& listing = request->listing;
    std::forward<Handler>(h)(request->error,
                             listing.empty() ? child_entry{} : std::move(listing.front()));
  }
};

using request_operation = deferred_wait<request_wait>;
using start_operation = deferred_wait<result_wait<started_child, &supervisor_request::started>>;
using listing_operation =
    deferred_wait<result_wait<std::vector<child_entry>, &supervisor_request::listing>>;
using entry_operation = deferred_wait<entry_wait>;
using count_operation = deferred_wait<result_wait<child_counts, &supervisor_request::counts>>;
using spec_operation =
    deferred_wait<result_wait<std::optional<child_spec>, &supervisor_request::added>>;

}  // namespace coppice::detail
