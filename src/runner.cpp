#include <coppice/detail/runner.hpp>

#include <coppice/detail/scheduler.hpp>

namespace coppice::detail {

runner::~runner() = default;

void runner::frames_gone() noexcept {
  home.stage_gone(*this);
  delete this;
}

void runner::parked() noexcept { home.stage_parked(*this); }

void runner::ended_by(const boost::system::system_error& e, std::exception_ptr p) noexcept {
  process& player = *tenant.load(std::memory_order_relaxed);
  // Only our own record tells whether it was asked to end: a body can meet that error by itself.
  if (player.asked != process::stop_level::none && e.code() == asio::error::operation_aborted) {
    outcome = player.reason;
  } else {
    outcome = exit_reason::error(std::move(p));
  }
}

}  // namespace coppice::detail
