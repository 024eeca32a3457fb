#include <coppice/detail/base/access.hpp>
#include <coppice/detail/call/remote_call.hpp>

#include <boost/asio/error.hpp>

#include <new>
#include <thread>

namespace coppice::detail {

// A call from another loop, or from outside of processes. Its answer comes from the server's loop,
// its time limit and its cancellation from the side of the caller, perhaps all at once on several
// threads. `claim` lets the first one complete the call; the others find it complete and do
// nothing.

void kill_if_not_started_there(const process_ref& server) {
  scheduler::post(access::serial(server), [server] { kill_if_not_started(server.whereis()); });
}

foreign_wait::foreign_wait(asio::any_io_executor of_handler)
    // The work guard keeps the caller's io_context running until the call is complete, as Asio's
    // operations do.
    : work_{of_handler}, timer_{std::move(of_handler)} {}

foreign_wait::~foreign_wait() = default;

void foreign_wait::canceller::operator()(asio::cancellation_type) const {
  // The owner of the slot may keep it for longer than the call lasts, hence the weak pointer.
  if (const auto self = waiting.lock()) self->give_up(asio::error::operation_aborted);
}

void foreign_wait::start_timer(const call_terms& terms) {
  std::optional<process_ref> to_kill;
  if (terms.or_kill) to_kill = terms.target;
  // This is a timer of Asio on the handler's executor, not of a scheduler: the limit must be kept
  // even if the loop of the server is not run at all.
  timer_.expires_at(after(clock::now(), terms.limit.time()));
  timer_.async_wait([self = shared_from_this(),
                     to_kill = std::move(to_kill)](const boost::system::error_code& ec) {
    if (!ec && self->give_up(errc::timeout) && to_kill) kill_if_not_started_there(*to_kill);
  });
}

void foreign_wait::end() {
  // The timer is cancelled on the handler's executor, where its own handler runs: a timer of Asio
  // may not be used by two threads at once.
  const asio::any_io_executor ex = work_.get_executor();
  for (;;) {
    try {
      dispatch(ex, [self = shared_from_this()] {
        self->finishing_ = true;
        self->timer_.cancel();
        self->work_.reset();
        self->finish();
      });
      return;
    } catch (const std::bad_alloc&) {
      if (finishing_) throw;  // the handler has been called, and it is that one's
      std::this_thread::yield();
    }
  }
}

void foreign_wait::give_up_start() noexcept {
  static_cast<void>(claim());
  timer_.cancel();
  work_.reset();
}

}  // namespace coppice::detail
