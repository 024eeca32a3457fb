#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <memory>
#include <utility>

namespace coppice::detail {

// The terms of a call, besides its message: the server that is called, and how long the caller
// waits.
struct call_terms {
  process_ref target;
  time_limit limit = infinity;
  bool or_kill = false;  // kills the server if it has not started when the time is over
  bool sent = false;
  bool holds_caller = false;  // the caller does nothing else until it has the answer
  std::shared_ptr<exit_reason> failure{};  // takes the server's exit reason to another thread
};

// How a call gets to its server: through the queue; or at once, if the server has nothing else to
// do.
enum class delivery : unsigned char { queued, at_once };

// A call as its caller sees it, whatever its message. The message, the place for the answer, the
// terms and the timer are one object (envelope.hpp derives from this), so that a call allocates
// once.
template <class R>
class call_slot : public typed_slot<R> {
 public:
  call_slot(scheduler& s, call_terms t) : typed_slot<R>{s}, terms{std::move(t)} {}

  // Gives the call to its server, or makes it fail at once.
  virtual void send(delivery d) = 0;

  call_terms terms;
  wake_timer timer;

 protected:
  ~call_slot() override = default;
};

template <class R>
using call_ptr = boost::intrusive_ptr<call_slot<R>>;

// Kills a server that has not acknowledged its start.
COPPICE_API void kill_if_not_started(const pid& server);

}  // namespace coppice::detail
