#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/timer_queue.hpp>
#include <coppice/detail/call/call_stage.hpp>
#include <coppice/detail/call/reply_slot.hpp>
#include <coppice/detail/runtime/scheduler.hpp>
#include <coppice/detail/wait/wake_timer.hpp>
#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/process_ref.hpp>
#include <coppice/time_limit.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace coppice::detail {

// A caller on another loop, or on none, as one of the two sides of its call knows it. Each side has
// an object of its own, and only the flag is touched by both. (A caller whose handler belongs
// nowhere waits on the loop of the server, and there is one object.)
struct caller_elsewhere {
  exit_reason failure;  // how the server has ended

  // On the loop of the server:
  time_limit limit = infinity;
  std::optional<time_point> since;  // when it began to wait; nothing if its clock is no real one
  time_point deadline = end_of_time;
  std::atomic<bool> waits = true;  // cleared by the caller, on any thread

  // The call has come to the loop of the server: from now on its deadline is a time there.
  COPPICE_API void arrive(scheduler& there) noexcept;
};

// The terms of a call, besides its message: the server that is called, and how long the caller
// waits.
struct call_terms {
  process_ref target;
  // For how long; of a request that is being fetched, until when, from the clock's epoch on.
  time_limit limit = infinity;
  bool or_kill = false;  // kills the server if it has not started when the time is over
  call_stage stage = call_stage::unsent;
  bool holds_caller = false;  // the caller does nothing else until it has the answer
  std::shared_ptr<caller_elsewhere> elsewhere{};
};

// How a call gets to its server: through the queue; or at once, if the server has nothing else to
// do.
enum class delivery : unsigned char { queued, at_once };

// The part of a call that belongs to its caller, whatever the answer. The server looks at it when a
// handler asks how long the caller still waits: nothing is noted for that, as the timer knows.
class COPPICE_API asking_side {
 public:
  explicit asking_side(call_terms t) noexcept : terms{std::move(t)} {}

  // Sets the limit, unless the call has been made.
  void set_limit(time_limit own, call_stage how) noexcept {
    if (terms.stage > call_stage::inheriting) return;
    terms.limit = own;
    terms.stage = how;
  }
  // Until when the caller waits; nothing if it has no limit, or none is known.
  [[nodiscard]] std::optional<time_point> deadline(const reply_slot& slot) const noexcept;
  // Whether nobody waits any more, and has not before there was an answer.
  [[nodiscard]] bool has_given_up(const reply_slot& slot) const noexcept;

  call_terms terms;
  wake_timer timer;

 protected:
  ~asking_side() = default;
};

// Looks up the limit of a call that is about to be made, if that is inherited. Throws
// std::logic_error if the call has been made (null: and moved to another loop).
COPPICE_API void inherit_limit(asking_side* call);

// The same of any slot; one that is not part of a call is awaited without limit.
[[nodiscard]] COPPICE_API std::optional<time_point> deadline_of(reply_slot& slot) noexcept;
// Whether the answer is waited for, or may still be fetched.
[[nodiscard]] COPPICE_API bool is_awaited(reply_slot& slot) noexcept;
// For how long; zero if the caller has given up.
[[nodiscard]] COPPICE_API time_limit time_left_of(reply_slot& slot) noexcept;

// The answer to a request, which is not there yet, is being fetched, until then; it is not any
// more; it never will be.
COPPICE_API void begin_fetch(reply_slot& slot, time_point until) noexcept;
COPPICE_API void end_fetch(reply_slot& slot) noexcept;
COPPICE_API void forget_request(reply_slot& slot) noexcept;

// A call as its caller sees it, whatever its message. The message, the place for the answer, the
// terms and the timer are one object (envelope.hpp derives from this), so that a call allocates
// once.
template <class R>
class call_slot : public typed_slot<R>, public asking_side {
 public:
  call_slot(scheduler& s, call_terms t) : typed_slot<R>{s}, asking_side{std::move(t)} {}

  // Gives the call to its server, or makes it fail at once.
  virtual void send(delivery d) = 0;
  [[nodiscard]] asking_side* asking() noexcept final { return this; }

 protected:
  ~call_slot() override = default;
};

template <class R>
using call_ptr = boost::intrusive_ptr<call_slot<R>>;

// Kills a server that has not acknowledged its start.
COPPICE_API void kill_if_not_started(const pid& server);

}  // namespace coppice::detail
