#pragma once

#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>

namespace coppice::detail {

class process;

// What a process is, if it is more than a coroutine: a server, a supervisor, a task. The runtime asks
// it, and knows no more of it than this. Whatever answers false is done as for any process.
class behaviour {
 public:
  explicit behaviour(const void* t) noexcept : type{t} {}
  behaviour(const behaviour&) = delete;
  behaviour& operator=(const behaviour&) = delete;
  virtual ~behaviour() = default;

  // Whether exit signals, other than kill, come to it and not to its coroutine.
  [[nodiscard]] virtual bool traps_exits() const noexcept { return false; }
  virtual bool exit_signal(const pid&, const exit_reason&) { return false; }
  // Ends the process in order, as `stop` of a reference to it asks for.
  virtual bool stop(const exit_reason&) { return false; }
  // Tells of an abnormal end, or has nothing to tell.
  virtual bool report_crash(process&) noexcept { return false; }

  // Tells behaviours apart, and servers by their classes: the address of something of their own.
  const void* const type;
};

}  // namespace coppice::detail
