#pragma once

#include <coppice/exit_reason.hpp>
#include <coppice/pid.hpp>
#include <coppice/time_limit.hpp>

#include <chrono>
#include <cstddef>
#include <string_view>

namespace coppice::detail {

class process;

// Is told when a process that was to finish its work may have done so.
class drain_watch {
 public:
  virtual void work_done() noexcept = 0;

 protected:
  ~drain_watch() = default;
};

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
  virtual bool exit_signal(const pid&, const exit_reason&) noexcept { return false; }
  // Tells whether exit(reason) is to be an exception, since something is done after the coroutine
  // has called it.
  [[nodiscard]] virtual bool cleans_up_at_exit() const noexcept { return false; }
  // Ends the process in order, as `stop` of a reference to it asks for.
  virtual bool stop(const exit_reason&) noexcept { return false; }
  // A stop of the process is to be over by that time; it may have begun.
  virtual void limit_stop(std::chrono::steady_clock::time_point) {}
  // The program is about to end: what was begun is to be finished, and nothing new. The watch is
  // told when that may be so, and lives as long as the process does.
  virtual void begin_drain(drain_watch&) noexcept {}
  [[nodiscard]] virtual bool has_work() const noexcept { return false; }
  // Tells whether a limit of progress is for each message by itself, and not for each step.
  [[nodiscard]] virtual bool works_by_message() const noexcept { return false; }
  // Tells whether progress is due: it works, and does not wait for something to do.
  [[nodiscard]] virtual bool is_busy() const noexcept { return true; }
  // Notes the process for whose answer this one waits and does nothing else meanwhile; an empty pid
  // says that it waits no more. Only servers can be waited for in turn, and keep it.
  virtual void set_awaited(const pid&) noexcept {}
  [[nodiscard]] virtual pid awaited() const noexcept { return {}; }
  // For those who look at the process from outside: a word for what it is, and the number of
  // messages that wait for it.
  [[nodiscard]] virtual std::string_view kind() const noexcept { return "process"; }
  [[nodiscard]] virtual std::size_t messages() const noexcept { return 0; }
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
