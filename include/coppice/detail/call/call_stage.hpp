#pragma once

namespace coppice::detail {

// How far a call has come, and who waits for its answer.
enum class call_stage : unsigned char {
  unsent,      // it has not been made; its own limit will count
  capped,      // the same; or the deadline of the message that is handled, if that is earlier
  inheriting,  // the same; but the deadline of that message alone, if it has one
  awaited,     // its caller waits, or is about to, for as long as the terms say
  requested,   // it was sent by send_request, and the answer may be fetched later
  fetched,     // the same; and it is given up at a time that the terms say
  given_up,    // nobody waits any more, and there was no answer when that began
};

}  // namespace coppice::detail
