#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace coppice::detail {

// The caller says these of a call, besides the message.
struct call_terms {
  process_ref target;
  std::optional<duration> limit{};
  bool or_kill = false;  // the server, if it does not come up in that time
  bool sent = false;
  std::shared_ptr<exit_reason> failure{};  // where to say how the server died, to another thread
};

// A call as its caller sees it, whatever its message.
template <class R>
class call_slot : public typed_slot<R> {
 public:
  call_slot(scheduler& s, call_terms t) : typed_slot<R>{s}, terms{std::move(t)} {}

  // Puts it into the queue of its server, or fails it at once.
  virtual void send() = 0;

  call_terms terms;
  wake_timer timer;

 protected:
  ~call_slot() override = default;
};

template <class R>
using call_ptr = boost::intrusive_ptr<call_slot<R>>;

// Gives up a server whose start takes too long.
COPPICE_API void kill_unless_up(const pid& server);

}  // namespace coppice::detail
