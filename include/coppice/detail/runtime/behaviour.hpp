#pragma once

#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/time_limit.hpp>

namespace coppice::detail {

class process;

// The behaviour of a process that is more than a coroutine: a server, a supervisor, a task. This
// interface is all that the runtime knows of the layers above it. If a function returns false, the
// runtime does what it does for any process.
class behaviour {
 public:
  explicit behaviour(const void* t) noexcept : type{t} {}
  behaviour(const behaviour&) = delete;
  behaviour& operator=(const behaviour&) = delete;
  virtual ~behaviour() = default;

  // Tells whether exit signals, other than kill, come to the behaviour and do not stop the
  // coroutine.
  [[nodiscard]] virtual bool traps_exits() const noexcept { return false; }
  virtual bool exit_signal(const pid&, const exit_reason&) { return false; }
  // Ends the process in order, as `stop` of a reference to it asks for.
  virtual bool stop(const exit_reason&) { return false; }
  // For how long the caller still waits for whom the process works now; without limit also if there
  // is none.
  [[nodiscard]] virtual time_limit time_left() const noexcept { return infinity; }
  // Reports an abnormal end in words of its own. True also if there is nothing to report.
  virtual bool report_crash(process&) noexcept { return false; }

  // Tells behaviours apart, and servers by their classes. It is the address of an object that each
  // kind has of its own.
  const void* const type;
};

}  // namespace coppice::detail
