#include <coppice/detail/runner.hpp>

#include <coppice/detail/scheduler.hpp>

#include <boost/asio/experimental/channel_error.hpp>

#include <utility>

namespace coppice::detail {

namespace {

// What a cancelled operation says. Channels have a word of their own for it.
bool is_cancellation(const boost::system::error_code& ec) noexcept {
  return ec == asio::error::operation_aborted ||
         ec == asio::experimental::error::channel_cancelled;
}

// The awaitable operators wrap the first exception if there are several, once for each operator.
bool is_cancellation(std::exception_ptr e) noexcept {
  while (e) {
    try {
      std::rethrow_exception(std::exchange(e, nullptr));
    } catch (const boost::system::system_error& error) {
      return is_cancellation(error.code());
    } catch (const asio::multiple_exceptions& several) {
      e = several.first_exception();
    } catch (...) {
    }
  }
  return false;
}

}  // namespace

runner::~runner() = default;

void runner::frames_gone() noexcept {
  home.stage_gone(*this);
  delete this;
}

void runner::parked() noexcept { home.stage_parked(*this); }

void runner::ended_by(const boost::system::system_error& e, std::exception_ptr p) noexcept {
  process& player = *tenant.load(std::memory_order_relaxed);
  // Only our own record tells whether it was asked to end: a body can meet that error by itself.
  if (player.asked != process::stop_level::none && is_cancellation(e.code())) {
    outcome = player.reason;
  } else {
    outcome = exit_reason::error(std::move(p));
  }
}

void runner::ended_by(const asio::multiple_exceptions& e, std::exception_ptr p) noexcept {
  process& player = *tenant.load(std::memory_order_relaxed);
  if (player.asked != process::stop_level::none && is_cancellation(e.first_exception())) {
    outcome = player.reason;
  } else {
    outcome = exit_reason::error(std::move(p));
  }
}

}  // namespace coppice::detail
