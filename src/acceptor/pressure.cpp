#include "pressure.hpp"

#include <coppice/report.hpp>

#include <chrono>
#include <utility>

namespace coppice::detail {

namespace {

// Without a pause for as long, the pressure is over.
constexpr std::chrono::seconds time_to_calm_down{1};

}  // namespace

pressure::pressure(acceptor_core& of, pid listener) noexcept : of_{of}, listener_{listener} {}

pressure::~pressure() {
  if (calm_.armed()) of_.home().cancel_timer(calm_);
}

void pressure::pause(boost::system::error_code why) {
  scheduler& home = of_.home();
  if (calm_.armed()) home.cancel_timer(calm_);
  paused_ = true;
  if (++pauses_ > 1) return;
  why_ = why;
  since_ = home.now();
  if (!home.listened_to()) return;
  home.tell(acceptor_paused{of_.setup().name, listener_, why_, of_.counts().connections});
}

void pressure::go_on() {
  if (!std::exchange(paused_, false)) return;
  scheduler& home = of_.home();
  until_ = home.now();
  home.set_timer(calm_, after(until_, time_to_calm_down));
}

void pressure::alarm::expire(timer_node& node) { static_cast<alarm&>(node).of.tell_end(); }

void pressure::tell_end() {
  const std::size_t pauses = std::exchange(pauses_, 0);
  scheduler& home = of_.home();
  if (!home.listened_to()) return;
  home.tell(acceptor_resumed{of_.setup().name, listener_, why_, of_.counts().connections, pauses,
                             until_ - since_});
}

}  // namespace coppice::detail
