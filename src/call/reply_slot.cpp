#include <coppice/detail/call/reply_slot.hpp>

#include <coppice/error.hpp>

#include <utility>

namespace coppice::detail {

// A call ends in one of three ways: an answer, an error, or a reply_to that is destroyed unused.
// The first of them counts. The slot only wakes the waiter; a caller that has stopped waiting has
// taken its pointer out.

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
  // The same hook serves two lists: until now the calls that a server owes an answer, from now on
  // the answers that a request_set has to hand out.
  unlink();
  if (collector != nullptr) {
    collector->done.push_back(*this);
    if (collector->waiting != nullptr) collector->waiting->wake();
  }
  if (caller != nullptr) caller->wake();
}

void reply_slot::give_up() noexcept {
  if (done_) return;
  // The server decides what the caller hears: it may be about to crash, which is then the reason.
  // Slots in no list belong to no server.
  if (list_hook::empty()) return fail(errc::no_reply);
  asked->gave_up(*this);
}

}  // namespace coppice::detail
