#pragma once

#include <coppice/child_entry.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/runtime/process.hpp>
#include <coppice/detail/runtime/waiter.hpp>
#include <coppice/detail/supervisor/supervisor_request.hpp>
#include <coppice/detail/wait/operation.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/asio/error.hpp>
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
  void begin(waiter& w);
  [[nodiscard]] bool ready() const noexcept { return request->done; }
  void leave() noexcept { request->waiting = nullptr; }
};

struct request_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    std::forward<Handler>(h)(request->error);
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted});
  }
};

template <class Result, Result supervisor_request::*Member>
struct result_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    const boost::system::error_code ec = request->error;
    request->heard();
    std::forward<Handler>(h)(ec, std::move((*request).*Member));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted}, Result{});
  }
};

struct entry_wait : request_wait_base {
  template <class Handler>
  void deliver(Handler&& h) {
    auto& listing = request->listing;
    std::forward<Handler>(h)(request->error,
                             listing.empty() ? child_entry{} : std::move(listing.front()));
  }
  template <class Handler>
  static void deliver_abort(Handler&& h) {
    std::forward<Handler>(h)(boost::system::error_code{asio::error::operation_aborted},
                             child_entry{});
  }
};

using request_operation = operation<void(boost::system::error_code), request_wait>;
using start_operation =
    operation<void(boost::system::error_code, started_child),
              result_wait<started_child, &supervisor_request::started>>;
using listing_operation =
    operation<void(boost::system::error_code, std::vector<child_entry>),
              result_wait<std::vector<child_entry>, &supervisor_request::listing>>;
using entry_operation = operation<void(boost::system::error_code, child_entry), entry_wait>;
using count_operation = operation<void(boost::system::error_code, child_counts),
                                  result_wait<child_counts, &supervisor_request::counts>>;
using spec_operation =
    operation<void(boost::system::error_code, std::optional<child_spec>),
              result_wait<std::optional<child_spec>, &supervisor_request::added>>;

}  // namespace coppice::detail
