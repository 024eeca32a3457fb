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

// A body has ended by itself, by a return or by an exception: these functions note the exit reason.
// The end is not told yet: that is done when the runner parks and the frames are gone.

void returned(process& p) noexcept {
  // A killed process may return while its frames are being torn down: its reason stays `killed`.
  if (!p.life.is_live()) return;  // killed: what it does after that is no answer
  // A return is a normal end, unless a server or a task has set the reason it ends with.
  if (!p.exit_reason_final) p.reason = {};
}

// Asio's channels have an error code of their own for it.
bool is_cancellation(const boost::system::error_code& ec) noexcept {
  return ec == asio::error::operation_aborted || ec == asio::experimental::error::channel_cancelled;
}

// The awaitable operators (&& and ||) wrap several exceptions into one, once for each operator. A
// process that waits for several operations and is asked to stop may get such a bundle.
bool is_cancellation(std::exception_ptr e) noexcept {
  while (const auto* several = exception_cast<asio::multiple_exceptions>(e)) {
    e = several->first_exception();
  }
  const auto* error = exception_cast<boost::system::system_error>(e);
  return error != nullptr && is_cancellation(error->code());
}

exit_reason reason_of(std::exception_ptr e) noexcept {
  if (const auto* exit = exception_cast<exit_exception>(e)) return exit->reason();
  return exit_reason::error(std::move(e));
}

void threw(process& p) noexcept { threw(p, std::current_exception()); }

void threw(process& p, std::exception_ptr e) noexcept {
  if (!p.life.is_live()) return;
  // operation_aborted counts as obedience to a stop request only if there was one, and the reason
  // of the request is already in place. The error alone says nothing: a body can cancel its own
  // operations.
  if (p.stop.was_asked() && is_cancellation(e)) return;
  p.reason = reason_of(std::move(e));
}

void ended(process& p, std::exception_ptr e) noexcept {
  if (e == nullptr) return returned(p);
  threw(p, std::move(e));
}

void parked(process& p) noexcept { p.home.runner_parked(p); }

void frames_gone(process& p) noexcept { p.home.runner_gone(p); }

}  // namespace coppice::detail
