#include "acceptor_core.hpp"

#include <coppice/detail/base/access.hpp>

#include <typeinfo>
#include <utility>

namespace coppice::detail {

acceptor_core::acceptor_core(process& self, std::shared_ptr<const acceptor_setup> setup)
    : home_{&self.home}, setup_{std::move(setup)}, left_endpoint_{setup_->left->take()} {
  self.more().registrations.push_back(entry_);
  intakes::of(home_->io()).push_back(*this);
}

// As a rule it goes with the supervisor's frames, and no connection is left that has kept it.
acceptor_core::~acceptor_core() { leave_endpoint(); }

acceptor_core* acceptor_core::of(const process& supervisor) noexcept {
  if (!supervisor.extras) return nullptr;
  list_hook& all = supervisor.extras->registrations;
  for (list_hook* h = all.empty() ? nullptr : all.front(); h != nullptr; h = all.after(h)) {
    auto& found = static_cast<registration&>(*h);
    if (typeid(found) == typeid(entry)) return static_cast<entry&>(found).of;
  }
  return nullptr;
}

void acceptor_core::entry::drop() noexcept {
  unlink();
  of->leave();
  of->leave_endpoint();
}

void acceptor_core::leave_endpoint() noexcept {
  std::any& known = local_endpoint_.has_value() ? local_endpoint_ : left_endpoint_;
  if (known.has_value()) setup_->left->leave(std::exchange(known, {}));
}

// The port is free when this returns. The listener hears of it by its accept, or is woken; there is
// one more connection if it has accepted that just now.
void acceptor_core::close() noexcept {
  if (std::exchange(closed_, true)) return;
  closed_at_ = home_->now();
  if (socket_ != nullptr) std::exchange(socket_, nullptr)->close();
  if (listener_ != nullptr) listener_->wake();
}

time_point acceptor_core::drained_by() const noexcept {
  const time_limit drain = options().drain;
  return drain.is_infinity() ? end_of_time : detail::after(closed_at_, drain.time());
}

void acceptor_core::connection_begins() noexcept {
  ++counts_.connections;
  ++counts_.accepted;
}

void acceptor_core::connection_ends() noexcept {
  --counts_.connections;
  if (listener_ != nullptr) listener_->wake();
  note_drained();
}

connection_place::connection_place(std::shared_ptr<acceptor_core> of) noexcept
    : of_{std::move(of)} {
  of_->connection_begins();
}

connection_place::~connection_place() {
  if (of_ != nullptr) of_->connection_ends();
}

}  // namespace coppice::detail
