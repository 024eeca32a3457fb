#include <coppice/detail/call/reply_slot.hpp>

#include <coppice/error.hpp>

#include <utility>

namespace coppice::detail {

reply_slot::~reply_slot() = default;

void reply_slot::fail(boost::system::error_code e, exit_reason why) noexcept {
  if (done_) return;
  error = e;
  reason = std::move(why);
  finish();
}

void reply_slot::finish() noexcept {
  if (done_) return;
  done_ = true;
  unlink();
  if (collector != nullptr) {
    collector->done.push_back(*this);
    if (collector->waiting != nullptr) collector->waiting->wake();
  }
  if (caller != nullptr) caller->wake();
}

void reply_slot::give_up() noexcept {
  if (done_) return;
  if (list_hook::empty()) return fail(errc::no_reply);
  asked->gave_up(*this);
}

}  // namespace coppice::detail
