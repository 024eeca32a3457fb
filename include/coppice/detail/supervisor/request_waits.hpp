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

#include <any>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice {
class child_start;
}

namespace coppice::detail {

// The waits for the answer of a supervisor. The request is sent when the wait is armed, unless it
// was sent before; a wait that is cancelled leaves it under way. Only the result differs from wait
// to wait.
struct COPPICE_API request_wait_base {
  static constexpr wait_kind kind = wait_kind::request;

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

// The wait for a child that was asked for. If it was started at once, there is no request.
struct start_wait : result_wait<started_child, &supervisor_request::started> {
  pid started_at_once{};

  [[nodiscard]] bool ready(process&) const noexcept { return poll(); }
  void arm(waiter& w) {
    if (request != nullptr) {
      request_wait_base::arm(w);
    } else {
      w.wake();
    }
  }
  [[nodiscard]] bool poll() const noexcept { return request == nullptr || request->done; }
  void disarm() noexcept {
    if (request != nullptr) request_wait_base::disarm();
  }
  template <class Handler>
  void complete(Handler&& h) {
    if (request != nullptr) return result_wait::complete(std::forward<Handler>(h));
    std::forward<Handler>(h)(boost::system::error_code{}, started_child{started_at_once, {}});
  }
};

using listing_wait = result_wait<std::vector<child_entry>, &supervisor_request::listing>;
using count_wait = result_wait<child_counts, &supervisor_request::counts>;
using spec_wait = result_wait<std::optional<child_spec>, &supervisor_request::added>;

// A request to that supervisor; refused where it cannot be reached from.
COPPICE_API std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                             supervisor_request::kind_type kind,
                                                             std::string_view id = {});
COPPICE_API std::shared_ptr<supervisor_request> make_request(const process_ref& supervisor,
                                                             supervisor_request::kind_type kind,
                                                             const pid& process);

// The same as an operation, which gives what is known when it has been answered.
template <class Wait, class... Subject>
deferred_wait<Wait> ask(const process_ref& supervisor, supervisor_request::kind_type kind,
                        const Subject&... subject) {
  return deferred_wait<Wait>{{{make_request(supervisor, kind, subject...), supervisor}}};
}

// Starts a child of a template with its argument, which is of the type that the template takes.
COPPICE_API child_start start_from_template(const process_ref& supervisor, std::any argument);

}  // namespace coppice::detail
