#include <coppice/detail/coroutine/runner.hpp>

#include <coppice/detail/runtime/scheduler.hpp>

#include "base/exception_cast.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/system_error.hpp>

#include <exception>

#include <utility>

namespace coppice::detail {

namespace {

// What a cancelled operation says. Channels have a word of their own for it.
bool is_cancellation(const boost::system::error_code& ec) noexcept {
  return ec == asio::error::operation_aborted || ec == asio::experimental::error::channel_cancelled;
}

// The awaitable operators wrap the first exception if there are several, once for each operator.
bool is_cancellation(std::exception_ptr e) noexcept {
  while (const auto* several = exception_cast<asio::multiple_exceptions>(e)) {
    e = several->first_exception();
  }
  const auto* error = exception_cast<boost::system::system_error>(e);
  return error != nullptr && is_cancellation(error->code());
}

}  // namespace

void returned(process& p) noexcept {
  if (!p.life.is_live()) return;  // killed: what it does after that is no answer
  if (!p.exit_reason_final) p.reason = {};
}

exit_reason reason_of(std::exception_ptr e) noexcept {
  if (const auto* exit = exception_cast<exit_exception>(e)) return exit->reason();
  return exit_reason::error(std::move(e));
}

void threw(process& p) noexcept { threw(p, std::current_exception()); }

void threw(process& p, std::exception_ptr e) noexcept {
  if (!p.life.is_live()) return;
  // Only our own record tells whether it was asked to end: a body can meet that error by itself.
  if (p.stop.was_asked() && is_cancellation(e)) return;
  p.reason = reason_of(std::move(e));
}

void parked(process& p) noexcept { p.home.runner_parked(p); }

void frames_gone(process& p) noexcept { p.home.runner_gone(p); }

}  // namespace coppice::detail
